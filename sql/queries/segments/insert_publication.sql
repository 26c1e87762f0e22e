-- Records a publication.
-- $1 publication_id, $2 as_of, $3 run_id or null, $4 published_at, $5 evaluation_id, $6 summary
-- (json text); $7 and $8 arrays: segment_id and version_id of its catalogue.
INSERT INTO segments.publication_record (
  publication_id, as_of, run_id, published_at, evaluation_id, summary, segment_ids,
  version_ids)
VALUES (
  $1::integer, $2::timestamptz, $3::bigint, $4::timestamptz, $5::bigint, $6::jsonb, $7::integer[],
  $8::integer[])
