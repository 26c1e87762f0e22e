-- What a run has published of an evaluation.
-- $1 run_id, $2 evaluation_id.
-- Result: summary (json text); no row where it has not.
SELECT summary
FROM segments.publication_record
WHERE run_id = $1::bigint AND (summary ->> 'evaluation')::bigint = $2::bigint
ORDER BY publication_id DESC
LIMIT 1
