-- How far a DAG has run with success.
-- Parameters: $1 dag
-- Result: watermark, the end of the latest interval; null where there is none
SELECT max(interval_end) AS watermark
FROM runs.run
WHERE dag = $1 AND state = 'success'
