-- Members of a segment now, in the order of their internal number.
-- $1 segment_id, $2 at most so many rows or null.
-- Result: customer_id, customer_key, since, cause.
SELECT o.customer_id, c.customer_key, o.valid_from AS since, o.entered_cause::text AS cause
FROM segments.shown_spell o LEFT JOIN facts.customers c ON c.customer_id = o.customer_id
WHERE o.segment_id = $1::integer
ORDER BY o.customer_id
LIMIT $2::bigint
