-- Every stored prior state, without the states.
-- No parameters.
-- Result: midnight, meaning, created_at.
SELECT midnight, meaning, created_at FROM segments.prior_state ORDER BY midnight, meaning
