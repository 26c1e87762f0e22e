-- Records loads as folded.
-- Parameters: $1 bigint[], the loads; $2 bigint, the new tile version.
-- Result: none.
INSERT INTO features.folded_load (load_id, version) SELECT unnest($1::bigint[]), $2
