-- Records in which currencies the amounts of a load came, by kind.
-- Parameters: $1 load. Result: none.
INSERT INTO facts.amount_currency (load_id, kind_id, currency)
SELECT DISTINCT $1::bigint, kind_id, currency
FROM pg_temp.strata_staged
WHERE reason IS NULL AND amount IS NOT NULL
ON CONFLICT DO NOTHING
