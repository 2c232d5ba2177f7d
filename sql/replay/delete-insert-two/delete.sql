DELETE FROM sending WHERE id = :id AND date = :date;
