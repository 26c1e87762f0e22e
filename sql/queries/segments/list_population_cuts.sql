-- Where top and bottom conditions cut among everyone, as evaluations have found it: the newest of each
-- condition.
-- $1 the last local midnight, $2 the instant, $3 only those stored by then (infinity: now).
-- Result: condition, cut, population, members, is_degenerate.
SELECT DISTINCT ON (c.condition) c.condition, c.cut, c.population, c.members, c.is_degenerate
FROM segments.population_cut c
WHERE c.as_of >= $1::timestamptz AND c.as_of <= $2::timestamptz
  AND c.recorded_at <= $3::timestamptz
ORDER BY c.condition, c.as_of DESC, c.recorded_at DESC
