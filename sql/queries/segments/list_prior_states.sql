-- The midnights whose prior state is stored, the latest first, without the states.
-- $1 meaning, $2 the latest midnight.
-- Result: midnight, tile_version.
SELECT midnight, tile_version FROM segments.prior_state
WHERE meaning = $1::text AND midnight <= $2::timestamptz
ORDER BY midnight DESC
