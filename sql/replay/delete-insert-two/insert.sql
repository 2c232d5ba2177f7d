INSERT INTO sending (id, email, date, sent) VALUES (:id, :email, :date, :sent);
