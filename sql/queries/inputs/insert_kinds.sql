-- Adds the kinds of a project, numbered from 1000; the caller holds the lock landing.kinds.
-- Parameters: $1 text[] names. Result: none.
INSERT INTO facts.event_kind (kind_id, name)
SELECT (SELECT greatest(max(k.kind_id), 999) FROM facts.event_kind AS k)
  + row_number() OVER (ORDER BY n.name), n.name
FROM (SELECT DISTINCT name FROM unnest($1::text[]) AS given (name)) AS n
WHERE NOT EXISTS (SELECT FROM facts.event_kind AS k WHERE k.name = n.name)
