-- Records decisions from an instant on, up to the next published one.
-- $1 the instant, $2 the first published one after it or null; arrays: $3 customer_id, $4 segment_id,
-- $5 winner_id (0 for none), $6 reason, $7 channel (empty for none).
INSERT INTO segments.decision (
  customer_id, valid_from, valid_to, segment_id, winner_id, reason, channel)
SELECT d.customer_id, $1::timestamptz, coalesce($2::timestamptz, 'infinity'), d.segment_id,
  nullif(d.winner_id, 0), d.reason, nullif(d.channel, '')
FROM unnest($3::bigint[], $4::integer[], $5::integer[], $6::text[], $7::text[])
  AS d(customer_id, segment_id, winner_id, reason, channel)
