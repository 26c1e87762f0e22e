-- From when on facts are others than they were at a version of the tiles: late events, corrections and
-- merges.
-- $1 a tile version.
-- Result: changed_at (null where nothing is).
SELECT least(
  (SELECT min(l.first_occurred_at) FROM features.folded_load AS f
   JOIN landing.load AS l USING (load_id) WHERE f.version > $1::bigint),
  (SELECT min(t.first_at) FROM features.folded_load AS f
   JOIN facts.touched AS t USING (load_id) WHERE f.version > $1::bigint)) AS changed_at
