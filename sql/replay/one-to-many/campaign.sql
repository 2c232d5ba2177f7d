INSERT INTO campaign (id, email, subject)
VALUES (:id, :email, :subject)
ON CONFLICT (id) DO NOTHING;
