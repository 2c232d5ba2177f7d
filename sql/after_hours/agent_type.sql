-- Is the column there? It is new. Nothing is read, and no warehouse is needed.
SELECT AGENT_TYPE FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY LIMIT 0
