INSERT INTO sending (id, date, sent)
VALUES (:id, :date, :sent)
ON CONFLICT (id, date) DO NOTHING;
