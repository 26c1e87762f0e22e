-- The server's clock, which all processes share.
-- Parameters: none
-- Result: now
SELECT clock_timestamp() AS now
