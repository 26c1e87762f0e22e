-- Removes prior states.
-- $1 midnights, $2 their meanings, as many.
DELETE FROM segments.prior_state AS p
USING unnest($1::timestamptz[], $2::text[]) AS gone (midnight, meaning)
WHERE p.midnight = gone.midnight AND p.meaning = gone.meaning
