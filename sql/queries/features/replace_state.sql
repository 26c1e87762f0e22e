-- Makes room for the state of a day and range; states of the day by other ranges go too.
-- Parameters: $1 smallint, the customer range; $2 date, the day; $3 smallint, how many ranges were
-- made together.
-- Result: none.
DELETE FROM features.state
WHERE day = $2 AND (range_number = $1 OR range_count <> $3)
