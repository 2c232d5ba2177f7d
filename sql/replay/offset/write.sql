INSERT INTO campaign (id, email, subject, date, sent)
SELECT :id, :email, :subject, :date, :sent
WHERE NOT EXISTS (SELECT 1 FROM progress WHERE "partition" = :partition AND "offset" >= :offset)
ON CONFLICT (id) DO UPDATE SET
    date = max(date, excluded.date),
    sent = sent + excluded.sent;
INSERT INTO progress ("partition", "offset") VALUES (:partition, :offset)
ON CONFLICT ("partition") DO UPDATE SET "offset" = max("offset", excluded."offset");
