-- Columns of the ledger of runs, of reports and of changed rules that may quote a customer's key:
-- messages, products, logs. Not what names DAGs, tasks, hosts or states.
-- Result: schema_name, table_name, column_name, is_json.
SELECT n.nspname AS schema_name, c.relname AS table_name, a.attname AS column_name,
  a.atttypid = 'jsonb'::regtype AS is_json
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND (n.nspname IN ('runs', 'reports') OR (n.nspname = 'segments' AND c.relname = 'rule_change'))
  AND (
    (a.atttypid = 'jsonb'::regtype AND c.relname <> 'dag_snapshot' AND a.attname <> 'params')
    OR (a.atttypid = 'text'::regtype AND a.attname IN ('message', 'hint', 'reason', 'note')))
ORDER BY n.nspname, c.relname, a.attname
