-- Gathers the customers that merges lead to; those who are new are made like any other.
-- Parameters: $1 text[] keys, $2 timestamptz[] when, one for each. Result: none.
INSERT INTO pg_temp.strata_arrived (customer_key, first_seen_at)
SELECT key, min(at) FROM unnest($1::text[], $2::timestamptz[]) AS v (key, at) GROUP BY key
