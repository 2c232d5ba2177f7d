-- The account and the user of this connection: whose history is to be kept, and where; and the server's clock,
-- as this machine's may be wrong, and of the latest statements none may be asked for after seven days.
SELECT CURRENT_ORGANIZATION_NAME() || '-' || CURRENT_ACCOUNT_NAME(), CURRENT_USER(), CURRENT_TIMESTAMP()
