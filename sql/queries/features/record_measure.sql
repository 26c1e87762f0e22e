-- Registers a column of facts.customer_day.
-- Parameters: $1 text, the column; $2 text, the value; $3 text[], the kinds; $4 text, the condition
-- (null for none).
-- Result: none.
INSERT INTO features.measure (column_name, value, kinds, condition) VALUES ($1, $2, $3, $4)
