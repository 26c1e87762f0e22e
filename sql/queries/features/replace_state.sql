-- Makes room for the state of a day.
-- Parameters: $1 smallint, the customer range; $2 date, the day.
-- Result: none.
DELETE FROM features.state WHERE range_number = $1 AND day = $2
