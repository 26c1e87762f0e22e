-- A definition of a DAG.
-- Parameters: $1 its hash
-- Result: definition, one row or none
SELECT definition
FROM runs.dag_snapshot
WHERE hash = $1
