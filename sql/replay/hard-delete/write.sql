DELETE FROM subscriber WHERE id = :id AND :deleted AND date <= :date;
INSERT INTO subscriber (id, email, date)
SELECT :id, :email, :date WHERE NOT :deleted
ON CONFLICT (id) DO UPDATE SET
    email = excluded.email,
    date  = excluded.date
WHERE excluded.date > subscriber.date;
