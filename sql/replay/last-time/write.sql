INSERT INTO campaign (id, email, subject, date, sent)
VALUES (:id, :email, :subject, :date, :sent)
ON CONFLICT (id) DO UPDATE SET
    date = excluded.date,
    sent = excluded.sent
WHERE excluded.date > campaign.date;
