INSERT INTO subscriber (id, email, date, deleted)
VALUES (:id, :email, :date, :deleted)
ON CONFLICT (id) DO UPDATE SET
    email   = excluded.email,
    date    = excluded.date,
    deleted = excluded.deleted
WHERE excluded.date > subscriber.date;
