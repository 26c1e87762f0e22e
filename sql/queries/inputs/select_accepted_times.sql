-- The span of the rows that are left.
-- Parameters: none. Result: first, last (timestamptz; NULL where no row is left).
SELECT min(occurred_at) AS first, max(occurred_at) AS last
FROM pg_temp.strata_staged
WHERE reason IS NULL
