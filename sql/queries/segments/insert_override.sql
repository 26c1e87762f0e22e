-- Records an override or the removal of one, and wakes strata watch.
-- $1 action (in, out, remove), $2 the override that it removes or null, $3 customer_id, $4 customer_key,
-- $5 segment, $6 valid_from, $7 valid_to or null for none, $8 recorded_at, $9 author, $10 reason.
-- Result: override_id.
WITH added AS (
  INSERT INTO segments.override (
    action, removes, customer_id, customer_key, segment, valid_from, valid_to, recorded_at, author,
    reason)
  VALUES (
    $1::segments.override_action, $2::bigint, $3::bigint, $4::text, $5::text, $6::timestamptz,
    coalesce($7::timestamptz, 'infinity'), $8::timestamptz, $9::text, $10::text)
  RETURNING override_id
)
SELECT a.override_id, pg_notify('strata_loaded', 'override ' || a.override_id) FROM added a
