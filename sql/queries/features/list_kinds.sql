-- The event kinds.
-- Parameters: none.
-- Result: kind_id smallint; name text.
SELECT kind_id, name FROM facts.event_kind
