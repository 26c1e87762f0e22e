-- The first event that the day tiles hold.
-- No parameters.
-- Returns one row: first_occurred_at timestamptz, null where there is none.
SELECT min(l.first_occurred_at) AS first_occurred_at
FROM features.folded_load AS f
JOIN landing.load AS l USING (load_id);
