-- Where open spells lie: pushed down by customer_id.
-- Arrays, a spell each: $1 customer_id, $2 segment_id. $3 and $4 the least and the greatest customer_id:
-- where many are looked for, those of the customers between them are read in order.
-- Result: one row: numbers, the places in the arrays from 1, and locations, in the same order.
SELECT array_agg(d.number) AS numbers, array_agg(o.ctid) AS locations
FROM segments.open_spell o
JOIN (
  SELECT unnest($1::bigint[]) AS customer_id, unnest($2::integer[]) AS segment_id,
    generate_subscripts($1::bigint[], 1) AS number
) AS d ON o.customer_id = d.customer_id AND o.segment_id = d.segment_id
WHERE o.customer_id BETWEEN $3::bigint AND $4::bigint
