-- Records a publication of few customers, by the run that was made last in this session.
-- $1 publication_id, $2 as_of, $3 run_id or null for the last one of this session, $4 published_at,
-- $5 evaluation_id, $6 what it changes of the evaluation, $7 the same of differences from the rules or
-- null (MembershipChanges).
WITH published AS (
  INSERT INTO segments.publication_record (
    publication_id, as_of, run_id, published_at, evaluation_id)
  VALUES (
    $1::integer, $2::timestamptz,
    coalesce($3::bigint, currval(pg_get_serial_sequence('runs.run', 'run_id'))), $4::timestamptz,
    $5::bigint)
)
INSERT INTO segments.evaluation_change (publication_id, evaluation_id, bytes, differences)
VALUES ($1::integer, $5::bigint, $6::bytea, $7::bytea)
