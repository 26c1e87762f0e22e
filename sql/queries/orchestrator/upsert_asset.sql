-- Remembers how far a DAG has followed an asset.
-- Parameters: $1 dag, $2 asset, $3 watermark, $4 now
-- Result: none
INSERT INTO runs.asset (dag, asset, seen_watermark, seen_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (dag, asset) DO UPDATE
SET seen_watermark = excluded.seen_watermark, seen_at = excluded.seen_at
WHERE asset.seen_watermark < excluded.seen_watermark
