-- Notes what lineage has to tell of a run and of attempts that ended.
-- Parameters: $1 run_id, $2 now, then arrays: $3 kinds, $4 task ids (null for the run itself),
--   $5 fencing tokens (null for the run), $6 messages or null (of a run that
--   failed: the one in its row)
-- Result: none
INSERT INTO runs.lineage (happened_at, run_id, pass, kind, task_id, fencing_token, message)
SELECT $2, $1, run.passes, noted.kind, noted.task_id, noted.token,
  coalesce(
    noted.message, CASE WHEN noted.kind = 'FAIL' AND noted.task_id IS NULL THEN run.message END)
FROM runs.run, unnest($3::text[], $4::text[], $5::bigint[], $6::text[])
  AS noted (kind, task_id, token, message)
WHERE run.run_id = $1
