-- The publication whose memberships hold at an instant: the newest of the latest as_of up to it.
-- $1 the instant (infinity: the live one), $2 only those published by then (infinity: now).
-- Result: publication_id, as_of, published_at, run_id; no row where nothing was published.
SELECT p.publication_id, p.as_of, p.published_at, p.run_id
FROM segments.publication_record p
WHERE p.as_of <= $1::timestamptz AND p.published_at <= $2::timestamptz
ORDER BY p.as_of DESC, p.publication_id DESC
LIMIT 1
