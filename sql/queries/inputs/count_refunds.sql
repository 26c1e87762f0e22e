-- The staged refunds (kind 2), of which the check of their orders takes its share.
-- Parameters: none. Result: count, rows.
SELECT count(*) AS count FROM pg_temp.strata_staged WHERE reason IS NULL AND kind_id = 2
