-- Tells that the spells of a publication are written beside it: whoever publishes next waits for them.
-- $1 publication_id.
-- The commit of these spells is written with that of their publication, which comes later: the transaction
-- does not wait for it. Nor does it wait long for another: that could be their publication's, which waits
-- for them.
WITH held AS MATERIALIZED (
  SELECT pg_advisory_xact_lock(hashtextextended('strata.publish.open', 0)) AS done,
    set_config('synchronous_commit', 'off', true) AS unhurried,
    set_config('lock_timeout', '10s', true) AS impatient
)
INSERT INTO segments.early_opening (publication_id)
SELECT $1::integer FROM held
