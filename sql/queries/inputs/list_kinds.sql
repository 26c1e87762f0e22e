-- The event kinds, with what was quarantined because it has none of them.
-- Parameters: none. Result: kind_id (NULL for a kind that the catalogue lacks), name, quarantined.
SELECT k.kind_id, coalesce(k.name, u.kind) AS name, coalesce(u.rows, 0) AS quarantined
FROM facts.event_kind AS k
FULL JOIN (
  SELECT kind, sum(rows)::bigint AS rows FROM landing.unknown_kind GROUP BY kind
) AS u ON u.kind = k.name
ORDER BY k.kind_id NULLS LAST, u.rows DESC, u.kind
