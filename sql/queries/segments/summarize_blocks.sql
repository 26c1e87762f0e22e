-- Brings the block-range indexes of spells up to date. New blocks are else summarised by the next
-- autovacuum, and whoever asks for a customer or a publication scans them until then.
-- Parameters: none.
-- Result: summarized integer, block ranges, per index.
SELECT brin_summarize_new_values(i.indexrelid) AS summarized
FROM pg_index AS i
JOIN pg_class AS x ON x.oid = i.indexrelid
JOIN pg_am AS a ON a.oid = x.relam
WHERE a.amname = 'brin'
  AND i.indrelid IN ('segments.open_spell'::regclass, 'segments.ended_spell'::regclass)
