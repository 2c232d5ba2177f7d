SELECT NOT EXISTS (SELECT 1 FROM ledger WHERE message_id = :message_id) AS fresh;
INSERT INTO ledger (message_id) VALUES (:message_id) ON CONFLICT DO NOTHING;
