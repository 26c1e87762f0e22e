-- A run's kept report, or the latest one.
-- Parameters: $1 run or NULL. Result: report (jsonb).
SELECT report FROM reports.run_report
WHERE $1::bigint IS NULL OR run_id = $1
ORDER BY written_at DESC
LIMIT 1
