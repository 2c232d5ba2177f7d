SELECT coalesce(max(sent), 0) AS current FROM campaign WHERE id = :id;
