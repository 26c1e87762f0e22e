-- The customers of a state.
-- Parameters: $1 bigint, the state.
-- Result: ids bytea.
SELECT ids FROM features.state WHERE state_id = $1
