-- Records a publication.
-- $1 publication_id, $2 as_of, $3 run_id or null, $4 published_at, $5 evaluation_id, $6 summary
-- (json text).
INSERT INTO segments.publication_record (
  publication_id, as_of, run_id, published_at, evaluation_id, summary)
VALUES (
  $1::integer, $2::timestamptz, $3::bigint, $4::timestamptz, $5::bigint, $6::jsonb)
