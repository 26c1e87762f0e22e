-- Records where top and bottom conditions cut; recording the same again changes nothing.
-- $1 as_of, $2 when, $3 to $7 arrays: condition, cut, population, members, is_degenerate.
INSERT INTO segments.population_cut (
  as_of, recorded_at, condition, cut, population, members, is_degenerate)
SELECT $1::timestamptz, $2::timestamptz, c.condition, c.cut, c.population, c.members,
  c.is_degenerate
FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::boolean[])
  AS c(condition, cut, population, members, is_degenerate)
ON CONFLICT DO NOTHING
