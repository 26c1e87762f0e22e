-- The version of Citus in this database.
-- Parameters: none.
-- Result: version text, such as 13.0-1; no row without the extension.
SELECT extversion AS version FROM pg_extension WHERE extname = 'citus'
