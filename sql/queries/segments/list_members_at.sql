-- Members of a segment at an instant, in the order of their internal number.
-- $1 segment name, $2 the instant, $3 as known at or null for now, $4 at most so many or null.
-- Result: customer_id, customer_key.
SELECT customer_id, customer_key
FROM segments.members_at($1::text, $2::timestamptz, coalesce($3::timestamptz, 'infinity'))
ORDER BY customer_id
LIMIT $4::bigint
