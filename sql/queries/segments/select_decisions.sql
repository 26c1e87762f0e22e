-- What is on record as decided besides the rules at an instant.
-- $1 the instant.
-- Result: segment_id, winner_id (null for none), reason, channel (null for none), customers (array of
-- customer_id in no order).
SELECT segment_id, winner_id, reason, channel, array_agg(customer_id) AS customers
FROM segments.decision
WHERE valid_from <= $1::timestamptz AND valid_to > $1
GROUP BY segment_id, winner_id, reason, channel
