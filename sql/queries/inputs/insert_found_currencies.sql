-- Records in which currencies the amounts of a load came, by kind.
-- Parameters: $1 load, $2 kinds, $3 their currencies. Result: none.
INSERT INTO facts.amount_currency (load_id, kind_id, currency)
SELECT $1::bigint, kind_id, currency
FROM unnest($2::smallint[], $3::text[]) AS c (kind_id, currency)
ON CONFLICT DO NOTHING
