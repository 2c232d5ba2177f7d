INSERT INTO campaign (id, email, subject, date, sent)
VALUES (:id, :email, :subject, :date, :sent)
ON CONFLICT (id) DO UPDATE SET
    date = max(date, excluded.date),
    sent = max(sent, excluded.sent);
