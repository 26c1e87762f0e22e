-- How many customers have a tile on a day.
-- Parameters: $1 date, the day.
-- Result: tiles bigint.
SELECT count(*) AS tiles FROM facts.customer_day WHERE day = $1
