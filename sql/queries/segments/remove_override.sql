-- Records the removal of an override, and wakes strata watch.
-- $1 the override, $2 when, $3 author, $4 reason.
WITH removed AS (
  INSERT INTO segments.override (
    action, removes, customer_id, customer_key, segment, valid_from, recorded_at, author, reason)
  SELECT 'remove', o.override_id, o.customer_id, o.customer_key, o.segment, $2::timestamptz,
    $2::timestamptz, $3::text, $4::text
  FROM segments.override o WHERE o.override_id = $1::bigint
  RETURNING override_id
)
SELECT pg_notify('strata_loaded', 'override ' || r.override_id) FROM removed r
