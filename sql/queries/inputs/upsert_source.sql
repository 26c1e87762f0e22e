-- The source's row, made at its first load.
-- Parameters: $1 name, $2 now.
-- Result: source_id; watermark, transaction_cut (NULL before the first load); shape.
INSERT INTO landing.source AS s (name, created_at) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET name = s.name
RETURNING source_id, watermark, transaction_cut, shape
