-- Runs under way: what they have read of a customer they would write again.
-- Result: run_id, dag.
SELECT run_id, dag FROM runs.run WHERE state IN ('queued', 'running') ORDER BY run_id
