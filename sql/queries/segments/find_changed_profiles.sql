-- From when on profiles are others than they were at a version of the tiles. A statement without a time
-- holds from when the customer was seen first.
-- $1 a tile version.
-- Result: changed_at (null where nothing is).
SELECT min(greatest(s.valid_from, c.first_seen_at, TIMESTAMPTZ '1970-01-01T00:00:00Z')) AS changed_at
FROM features.folded_load AS f
JOIN facts.profile_statement AS s USING (load_id)
JOIN facts.customers AS c ON c.customer_id = s.customer_id
WHERE f.version > $1::bigint
