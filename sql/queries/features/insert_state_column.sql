-- Stores a column of a state.
-- Parameters: $1 bigint, the state; $2 text, the slot; $3 bytea.
-- Result: none.
INSERT INTO features.state_column (state_id, slot, bytes) VALUES ($1, $2, $3)
