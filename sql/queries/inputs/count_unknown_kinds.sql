-- Counts the event kinds that the catalogue lacks.
-- Parameters: $1 source, $2 when, $3 text[] kinds, $4 bigint[] rows, one for each. Result: none.
INSERT INTO landing.unknown_kind AS u (source_id, kind, rows, first_seen_at, last_seen_at)
SELECT $1, v.kind, v.rows, $2, $2 FROM unnest($3::text[], $4::bigint[]) AS v (kind, rows)
ON CONFLICT (source_id, kind) DO UPDATE
SET rows = u.rows + excluded.rows, last_seen_at = excluded.last_seen_at
