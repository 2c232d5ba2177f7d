INSERT INTO campaign (id, email, subject, date, sent)
VALUES (:id, :email, :subject, :date, :sent)
ON CONFLICT (id) DO NOTHING;
