-- As history.sql, where QUERY_HISTORY has the column AGENT_TYPE: statements that ended after a moment, in order.
-- Bound: the user; a start from which on there may be any (it lets the server pass over older partitions);
-- the end after which they are wanted; our own QUERY_TAG.
SELECT
    QUERY_ID, START_TIME, END_TIME, SESSION_ID, USER_TYPE, ROLE_NAME, WAREHOUSE_NAME, QUERY_TYPE, QUERY_TAG,
    EXECUTION_STATUS, IS_CLIENT_GENERATED_STATEMENT, QUERY_PARAMETERIZED_HASH, AGENT_TYPE
FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY
WHERE USER_NAME = ?
    AND START_TIME >= CAST(? AS TIMESTAMP_TZ)
    AND END_TIME > CAST(? AS TIMESTAMP_TZ)
    AND COALESCE(QUERY_TAG, '') <> ?
ORDER BY END_TIME, QUERY_ID
