-- Records the publication by which erased customers leave, which no run makes.
-- $1 publication_id, $2 as_of, $3 published_at, $4 evaluation_id, $5 what it changes of the
-- evaluation (MembershipChanges), $6 what it changes of its differences or null.
WITH published AS (
  INSERT INTO segments.publication_record (
    publication_id, as_of, published_at, evaluation_id)
  VALUES ($1::integer, $2::timestamptz, $3::timestamptz, $4::bigint)
)
INSERT INTO segments.evaluation_change (publication_id, evaluation_id, bytes, differences)
VALUES ($1::integer, $4::bigint, $5::bytea, $6::bytea)
