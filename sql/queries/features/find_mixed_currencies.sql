-- A set of event kinds whose amounts came in more than one currency.
-- Parameters: $1 text[], the names of the kinds that one feature adds up or compares;
-- $2 timestamptz, loads finished later do not count (infinity: now).
-- Result: currencies text[], two or more; no row where there is one currency at most.
SELECT array_agg(DISTINCT c.currency ORDER BY c.currency) AS currencies
FROM facts.amount_currency AS c
JOIN facts.event_kind AS k USING (kind_id)
WHERE k.name = ANY ($1::text[])
  AND NOT EXISTS (
    SELECT FROM landing.load AS l WHERE l.load_id = c.load_id AND l.finished_at > $2)
HAVING count(DISTINCT c.currency) > 1
