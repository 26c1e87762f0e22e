-- How many events the loads folded so far brought.
-- Parameters: none.
-- Result: rows_accepted bigint.
SELECT coalesce(sum(l.rows_accepted), 0)::bigint AS rows_accepted
FROM features.folded_load AS f
JOIN landing.load AS l USING (load_id)
