DELETE FROM sending WHERE id = :id;
INSERT INTO sending (id, email, date, sent) VALUES (:id, :email, :date, :sent);
