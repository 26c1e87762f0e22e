-- The columns of facts.customer_day.
-- Parameters: none.
-- Result: value text; kinds text[]; condition text (null for none).
SELECT value, kinds, condition FROM features.measure ORDER BY column_name
