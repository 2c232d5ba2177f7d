INSERT INTO campaign (id, email, subject, date, sent)
SELECT :id, :email, :subject, :date, :sent
WHERE :fresh
ON CONFLICT (id) DO UPDATE SET
    date = max(date, excluded.date),
    sent = sent + excluded.sent;
