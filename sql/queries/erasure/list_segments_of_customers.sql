-- The live memberships of customers.
-- $1 bigint[] customers.
-- Result: customer_id, segment.
SELECT o.customer_id, s.name AS segment
FROM segments.shown_spell AS o JOIN segments.segment AS s ON s.segment_id = o.segment_id
WHERE o.customer_id = ANY ($1::bigint[])
ORDER BY s.name
