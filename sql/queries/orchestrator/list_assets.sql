-- How far a DAG has followed the data that it waits for.
-- Parameters: $1 dag
-- Result: asset, seen_watermark
SELECT asset, seen_watermark
FROM runs.asset
WHERE dag = $1
