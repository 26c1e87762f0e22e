-- Brings the catalogue up to date.
-- $1 jsonb array of objects with the columns of segments.segment.
INSERT INTO segments.segment (
  segment_id, name, title, description, priority, rank, version_id, uses_score, is_live,
  audience_view, promotion)
SELECT segment_id, name, title, description, priority, rank, version_id, uses_score, is_live,
  audience_view, promotion
FROM jsonb_to_recordset($1::jsonb) AS s(
  segment_id integer, name text, title text, description text, priority integer, rank integer,
  version_id integer, uses_score boolean, is_live boolean, audience_view text,
  promotion text)
ON CONFLICT (segment_id) DO UPDATE SET
  title = excluded.title, description = excluded.description, priority = excluded.priority,
  rank = excluded.rank, version_id = excluded.version_id, uses_score = excluded.uses_score,
  is_live = excluded.is_live, audience_view = excluded.audience_view,
  promotion = excluded.promotion
