-- Records an override, and wakes strata watch.
-- $1 in or out, $2 customer_id, $3 customer_key, $4 segment, $5 valid_from, $6 valid_to or null for
-- none, $7 recorded_at, $8 author, $9 reason.
-- Result: override_id.
WITH added AS (
  INSERT INTO segments.override (
    action, customer_id, customer_key, segment, valid_from, valid_to, recorded_at, author, reason)
  VALUES (
    $1::segments.override_action, $2::bigint, $3::text, $4::text, $5::timestamptz,
    coalesce($6::timestamptz, 'infinity'), $7::timestamptz, $8::text, $9::text)
  RETURNING override_id
)
SELECT a.override_id, pg_notify('strata_loaded', 'override ' || a.override_id) FROM added a
