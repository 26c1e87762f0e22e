-- Gathers the customers of a load's accepted rows, each once.
-- Parameters: none. Result: none.
INSERT INTO pg_temp.strata_arrived (customer_key, first_seen_at)
SELECT customer_key, min(occurred_at)
FROM pg_temp.strata_staged
WHERE reason IS NULL
GROUP BY customer_key
