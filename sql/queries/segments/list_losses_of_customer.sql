-- What a customer lost to overrides, better segments and full channels at an instant.
-- $1 customer_id, $2 the instant.
-- Result: segment, reason (override, group or cap), winner and channel (null for none).
SELECT s.name AS segment,
  CASE x.reason WHEN 'pinned_out' THEN 'override' ELSE x.reason END AS reason, w.name AS winner,
  x.channel
FROM segments.decision x
JOIN segments.segment s ON s.segment_id = x.segment_id
LEFT JOIN segments.segment w ON w.segment_id = x.winner_id
WHERE x.customer_id = $1::bigint AND x.valid_from <= $2::timestamptz
  AND x.valid_to > $2::timestamptz AND x.reason IN ('pinned_out', 'group', 'cap')
