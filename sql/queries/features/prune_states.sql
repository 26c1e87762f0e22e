-- Drops all but the newest states of each customer range.
-- Parameters: $1 bigint, how many days to keep.
-- Result: none.
DELETE FROM features.state AS s
WHERE (
  SELECT count(*) FROM features.state AS n
  WHERE n.range_number = s.range_number AND n.day > s.day
) >= $1
