-- The names of all segments ever published, for suggestions.
-- Result: name.
SELECT name FROM segments.segment ORDER BY name
