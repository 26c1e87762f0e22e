-- A stored prior state.
-- $1 meaning, $2 midnight.
-- Result: customers, ids, memory.
SELECT customers, ids, memory FROM segments.prior_state
WHERE meaning = $1::text AND midnight = $2::timestamptz
