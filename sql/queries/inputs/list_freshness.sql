-- How new what the sources brought is.
-- Parameters: none. Result: name; watermark (NULL where rows have no time); loaded_at, the end of
-- the last load that was kept (NULL where none was).
SELECT s.name, s.watermark, (
    SELECT max(l.finished_at) FROM landing.load AS l
    WHERE l.source_id = s.source_id AND l.state = 'loaded') AS loaded_at
FROM landing.source AS s
