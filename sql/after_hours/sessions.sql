-- What opened each of a user's sessions: the program, and its driver with its version.
-- Bound: the user; the moment from which on.
SELECT
    SESSION_ID, CREATED_ON, CLIENT_APPLICATION_ID,
    TRY_PARSE_JSON(CLIENT_ENVIRONMENT):APPLICATION::VARCHAR AS PROGRAM
FROM SNOWFLAKE.ACCOUNT_USAGE.SESSIONS
WHERE USER_NAME = ? AND CREATED_ON >= CAST(? AS TIMESTAMP_TZ)
