INSERT INTO campaign (id, email, subject, date_1, sent_1)
VALUES (:id, :email, :subject, :date, :sent)
ON CONFLICT (id) DO UPDATE SET
    date_2 = coalesce(date_2, excluded.date_1),
    sent_2 = coalesce(sent_2, 0) + excluded.sent_1
WHERE excluded.date_1 <> date_1 AND excluded.date_1 IS NOT date_2;
