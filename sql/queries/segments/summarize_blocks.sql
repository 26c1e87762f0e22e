-- Brings the block-range indexes of spells up to date. New blocks are else summarised by the next
-- autovacuum, and whoever asks for a customer or a publication scans them until then.
-- $1 array: the tables.
-- Result: summarized integer, block ranges, per index.
SELECT brin_summarize_new_values(i.indexrelid) AS summarized
FROM pg_index AS i
JOIN pg_class AS x ON x.oid = i.indexrelid
JOIN pg_am AS a ON a.oid = x.relam
WHERE a.amname = 'brin'
  AND i.indrelid = ANY ($1::text[]::regclass[])
