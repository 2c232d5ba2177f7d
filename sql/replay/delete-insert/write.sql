DELETE FROM sending WHERE id = :id AND date = :date;
INSERT INTO sending (id, email, date, sent) VALUES (:id, :email, :date, :sent);
