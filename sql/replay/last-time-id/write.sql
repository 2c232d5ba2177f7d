INSERT INTO campaign (id, email, subject, date, message_id, sent)
VALUES (:id, :email, :subject, :date, :message_id, :sent)
ON CONFLICT (id) DO UPDATE SET
    date       = excluded.date,
    message_id = excluded.message_id,
    sent       = excluded.sent
WHERE (excluded.date, excluded.message_id) > (campaign.date, campaign.message_id);
