INSERT INTO ledger (message_id) VALUES (:message_id) ON CONFLICT DO NOTHING;
