-- Copies the latest successful run, with its tasks, attempts, logs and events, to earlier days.
--
-- Parameters: copies (psql variable): how many runs to add, one per day before the original.
-- Every table of the schema runs that has a run_id is copied, column by column as it is declared,
-- so a new column or table needs no change here. Identity and generated columns are made anew.
SELECT set_config('bench.copies', :'copies', false);

DO $$
DECLARE
  source bigint := (SELECT max(run_id) FROM runs.run WHERE state = 'success');
  copied text;
  owner text;
BEGIN
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO copied
  FROM pg_attribute
  WHERE attrelid = 'runs.run'::regclass AND attnum > 0 AND NOT attisdropped
    AND attidentity = '' AND attgenerated = '' AND attname NOT LIKE 'interval\_%';
  EXECUTE format(
    'INSERT INTO runs.run (interval_start, interval_end, %1$s)
     SELECT interval_start - make_interval(days => n), interval_end - make_interval(days => n),
       %1$s
     FROM runs.run, generate_series(1, current_setting(''bench.copies'')::integer) n
     WHERE run_id = $1 ORDER BY n', copied)
    USING source;

  FOR owner IN
    SELECT c.oid::regclass::text
    FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'run_id' AND NOT a.attisdropped
    WHERE s.nspname = 'runs' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.oid <> 'runs.run'::regclass
  LOOP
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO copied
    FROM pg_attribute
    WHERE attrelid = owner::regclass AND attnum > 0 AND NOT attisdropped
      AND attidentity = '' AND attgenerated = '' AND attname <> 'run_id';
    EXECUTE format(
      'INSERT INTO %1$s (run_id, %2$s)
       SELECT copy_id, %2$s
       FROM %1$s CROSS JOIN (SELECT run_id AS copy_id FROM runs.run WHERE run_id > $1) copies
       WHERE run_id = $1 ORDER BY copy_id',
      owner, copied)
      USING source;
  END LOOP;
END
$$;
