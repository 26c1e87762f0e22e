-- Customers that some loads merged: who ceased to be, and who stayed.
-- Parameters: $1 bigint[], the loads.
-- Result: customer_id bigint.
SELECT w.customer_id
FROM landing.merge AS m CROSS JOIN LATERAL (VALUES (m.from_id), (m.to_id)) AS w (customer_id)
WHERE m.load_id = ANY ($1::bigint[]) AND w.customer_id IS NOT NULL
