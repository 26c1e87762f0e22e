-- Ends decisions at an instant, up to the next published one: what was decided there stays.
-- $1 the instant, $2 the first published one after it or null; arrays: $3 customer_id, $4 segment_id.
WITH gone AS (
  DELETE FROM segments.decision x
  USING unnest($3::bigint[], $4::integer[]) AS d(customer_id, segment_id)
  WHERE x.customer_id = d.customer_id AND x.segment_id = d.segment_id
    AND x.valid_from <= $1::timestamptz AND x.valid_to > $1
  RETURNING x.customer_id, x.valid_from, x.valid_to, x.segment_id, x.winner_id, x.reason, x.channel
)
INSERT INTO segments.decision (
  customer_id, valid_from, valid_to, segment_id, winner_id, reason, channel)
SELECT g.customer_id, p.valid_from, p.valid_to, g.segment_id, g.winner_id, g.reason, g.channel
FROM gone g
CROSS JOIN LATERAL (VALUES (g.valid_from, $1), ($2::timestamptz, g.valid_to))
  AS p(valid_from, valid_to)
WHERE p.valid_from < p.valid_to
