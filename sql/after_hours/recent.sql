-- The last seven days at most, without delay and without any privilege for one's own; 10,000 rows at most.
-- Bound: the user as an identifier, in double quotes; the window of END_TIME. Nothing may be filtered here: the
-- limit comes first, and a full window could no longer be told.
SELECT
    QUERY_ID, START_TIME, END_TIME, SESSION_ID, '' AS USER_TYPE, ROLE_NAME, WAREHOUSE_NAME, QUERY_TYPE, QUERY_TAG,
    EXECUTION_STATUS, IS_CLIENT_GENERATED_STATEMENT, QUERY_PARAMETERIZED_HASH, '' AS AGENT_TYPE
FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(
    USER_NAME => ?,
    END_TIME_RANGE_START => CAST(? AS TIMESTAMP_LTZ),
    END_TIME_RANGE_END => CAST(? AS TIMESTAMP_LTZ),
    RESULT_LIMIT => 10000,
    INCLUDE_CLIENT_GENERATED_STATEMENT => TRUE))
ORDER BY END_TIME, QUERY_ID
