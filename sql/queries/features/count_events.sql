-- How many events the loads folded so far brought.
-- Parameters: none.
-- Result: accepted bigint, rows.
SELECT coalesce(sum(l.accepted), 0)::bigint AS accepted
FROM features.folded_load AS f
JOIN landing.load AS l USING (load_id)
