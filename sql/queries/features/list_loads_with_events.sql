-- Which of some loads brought events, and did not bring customers or merges only.
-- Parameters: $1 bigint[], the loads; $2, $3 timestamptz, the span of their events (both inside).
-- Result: load_id bigint, of those that have some.
SELECT DISTINCT load_id
FROM facts.events
WHERE load_id = ANY ($1::bigint[]) AND occurred_at >= $2 AND occurred_at <= $3
