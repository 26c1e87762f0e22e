-- Brings the block-range indexes of events and tiles up to date. New blocks are else summarised by
-- the next autovacuum, and every read by day or load scans them until then.
-- Parameters: none.
-- Result: summarized integer, block ranges, per index.
SELECT brin_summarize_new_values(i.indexrelid) AS summarized
FROM pg_index AS i
JOIN pg_class AS x ON x.oid = i.indexrelid
JOIN pg_am AS a ON a.oid = x.relam
WHERE a.amname = 'brin' AND x.relkind = 'i'
  AND (i.indrelid = 'facts.customer_day'::regclass
    OR i.indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'facts.events'::regclass))
