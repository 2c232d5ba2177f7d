INSERT INTO campaign (id, email, subject, date, sent)
SELECT :id, :email, :subject, :date, :sent
WHERE NOT EXISTS (SELECT 1 FROM ledger WHERE message_id = :message_id)
ON CONFLICT (id) DO UPDATE SET
    date = max(date, excluded.date),
    sent = sent + excluded.sent;
