-- The columns of facts.customer_day.
-- Parameters: none.
-- Result: value text; kinds text[].
SELECT value, kinds FROM features.measure ORDER BY column_name
