-- Every segment ever published.
-- Result: segment_id, name, title, description, audience_view (null for one that has left).
SELECT segment_id, name, title, description, audience_view
FROM segments.segment
