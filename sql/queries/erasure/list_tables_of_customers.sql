-- Tables with rows of customers that an erasure removes: all that have a customer_id, but for the
-- stays in segments, which are history without a name, and events, which go first.
-- Result: schema_name, table_name.
SELECT n.nspname AS schema_name, c.relname AS table_name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'customer_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname IN ('landing', 'facts', 'features', 'models', 'segments')
  AND NOT (n.nspname = 'segments' AND c.relname IN ('open_spell', 'ended_spell', 'delta'))
  AND NOT (n.nspname = 'facts' AND c.relname IN ('events', 'event_version'))
ORDER BY n.nspname, c.relname
