-- Records loads as folded.
-- Parameters: $1 bigint[], the loads; $2 bigint, the new tile version.
-- Result: none.
WITH marked AS (
  UPDATE landing.load SET is_folded = true WHERE load_id = ANY ($1::bigint[])
)
INSERT INTO features.folded_load (load_id, version) SELECT unnest($1::bigint[]), $2
