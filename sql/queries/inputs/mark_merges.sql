-- Gives staged merges that change nothing a reason.
-- Parameters: $1 bigint[] lines, $2 text[] reasons, one for each. Result: none.
UPDATE pg_temp.strata_staged AS s
SET reason = v.reason, column_name = 'from'
FROM unnest($1::bigint[], $2::text[]) AS v (line, reason)
WHERE s.line = v.line
