-- The live segments with the rule version published last.
-- Result: name, segment_id, version_id.
SELECT name, segment_id, version_id FROM segments.segment WHERE is_live
