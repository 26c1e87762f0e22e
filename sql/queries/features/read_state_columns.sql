-- Some columns of a state.
-- Parameters: $1 bigint, the state; $2 text[], the slots.
-- Result: slot text; bytes bytea.
SELECT slot, bytes FROM features.state_column WHERE state_id = $1 AND slot = ANY ($2::text[])
