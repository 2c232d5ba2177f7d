-- The account and the user of this connection: whose history is to be kept, and where.
SELECT CURRENT_ORGANIZATION_NAME() || '-' || CURRENT_ACCOUNT_NAME(), CURRENT_USER()
