-- Overrides with the time in which each counts, as known at an instant, by number.
-- $1 what was known then; null for now. $2 only those that count at this as-of; null for all.
-- Result: override_id, action (in or out), customer_id (who stayed where customers merged; null for a
-- customer who is gone), customer_key, segment, valid_from, valid_to (null for none: the expiry or the
-- removal), expires_at (null for none), removed_at, removed_by, removed_because (null unless removed),
-- recorded_at, author, reason.
SELECT o.override_id, o.action::text AS action,
  CASE WHEN m.recorded_at > k.known_at THEN m.from_id ELSE i.customer_id END AS customer_id,
  o.customer_key, o.segment, o.valid_from,
  nullif(least(o.valid_to, r.valid_from), 'infinity') AS valid_to,
  nullif(o.valid_to, 'infinity') AS expires_at, r.recorded_at AS removed_at,
  r.author AS removed_by, r.reason AS removed_because, o.recorded_at, o.author, o.reason
FROM (SELECT coalesce($1::timestamptz, 'infinity') AS known_at) k
JOIN segments.override o ON o.action <> 'remove' AND o.recorded_at <= k.known_at
LEFT JOIN segments.override r ON r.removes = o.override_id AND r.recorded_at <= k.known_at
LEFT JOIN landing.identity i ON i.customer_key = o.customer_key
LEFT JOIN landing.merge m ON m.from_key = o.customer_key
WHERE $2::timestamptz IS NULL
  OR (o.valid_from <= $2 AND least(o.valid_to, r.valid_from) > $2)
ORDER BY o.override_id
