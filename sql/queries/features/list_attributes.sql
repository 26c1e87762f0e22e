-- What the project says of profile attributes.
-- Parameters: none.
-- Result: name text; definition text (JSON).
SELECT name, definition::text AS definition FROM facts.profile_attribute ORDER BY position
