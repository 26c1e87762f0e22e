-- What decides an evaluation beside the day tiles: how many customers there are, and which scores.
-- $1 the midnight whose scores count.
-- Result: facts, a text that is the same where these are.
SELECT concat_ws(' ',
  (SELECT count(*) FROM facts.customers),
  (SELECT string_agg(
     concat_ws(':', model, version, extract(epoch FROM scored_at)), ',' ORDER BY model)
   FROM models.score WHERE as_of = $1::timestamptz)) AS facts
