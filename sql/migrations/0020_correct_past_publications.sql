-- Past days can be published in any order, and spells cost little to write.

-- A spell that a correction splits leaves two records of one publication, so the publication that
-- opened a record is no part of a key. Rows are written in the order of customers, a publication or a
-- series of them at a time: block ranges find a customer's among them, at a fraction of what the
-- b-tree of the key cost. That they are found once is what the key of `open_spell` ensures: a spell is
-- moved from there, once.
ALTER TABLE segments.ended_spell DROP CONSTRAINT ended_spell_pkey;
DROP INDEX segments.ended_spell_times;
CREATE INDEX ended_spell_blocks ON segments.ended_spell
  USING brin (customer_id, valid_to, valid_from) WITH (pages_per_range = 8, autosummarize = on);
COMMENT ON INDEX segments.ended_spell_blocks IS
  'Finds the history of a customer, and the transitions of a publication.';

-- Those who entered at an instant lie together where they were written, as long as the room of those
-- who left is not used again.
DROP INDEX segments.open_spell_valid_from;
CREATE INDEX open_spell_times ON segments.open_spell USING brin (valid_from)
  WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON INDEX segments.open_spell_times IS 'Finds who entered at a publication.';

-- What a later correction has to know of a publication: which segments it had, under which rules.
ALTER TABLE segments.publication_record
  ADD COLUMN segment_ids integer[], ADD COLUMN version_ids integer[];
COMMENT ON COLUMN segments.publication_record.segment_ids IS
  'The segments of the catalogue published; null where they are those of the publication before it: '
  'between the nights, and for those of older releases.';
COMMENT ON COLUMN segments.publication_record.version_ids IS
  'Their rule versions, in the same order.';
ALTER TABLE segments.rule_version ADD COLUMN uses_score boolean NOT NULL DEFAULT false;
UPDATE segments.rule_version AS v SET uses_score = s.uses_score
FROM segments.segment AS s WHERE s.segment_id = v.segment_id;
COMMENT ON COLUMN segments.rule_version.uses_score IS
  'Whether the rule reads a model score, itself or through another segment.';

COMMENT ON COLUMN segments.delta.action IS
  '1 the customer leaves, 2 the entry at this as_of was wrong, 3 the leaving at this as_of was '
  'wrong, 4 what touches a past as_of is written anew.';

-- Everything that was ever believed ------------------------------------------------------------------

CREATE VIEW segments.recorded_history AS
SELECT h.customer_id, c.customer_key, s.name AS segment, h.valid_from, h.valid_to,
  h.entered_cause::text AS entered_cause, h.left_cause::text AS left_cause,
  v.hash AS rule_version, p.run_id, p.published_at AS recorded_from, q.published_at AS recorded_to
FROM (
  SELECT customer_id, segment_id, valid_from, NULL::timestamptz AS valid_to, entered_cause,
    NULL::segments.cause AS left_cause, entered_version, opened_in, NULL::integer AS superseded_in
  FROM segments.open_spell
  UNION ALL
  SELECT customer_id, segment_id, valid_from, valid_to, entered_cause, left_cause,
    entered_version, opened_in, superseded_in
  FROM segments.ended_spell
) h
JOIN segments.segment s ON s.segment_id = h.segment_id
LEFT JOIN facts.customers c ON c.customer_id = h.customer_id
LEFT JOIN segments.rule_version v ON v.version_id = h.entered_version
LEFT JOIN segments.publication_record p ON p.publication_id = h.opened_in
LEFT JOIN segments.publication_record q ON q.publication_id = h.superseded_in;
COMMENT ON VIEW segments.recorded_history IS
  'segments.history with what was believed before: a correction closes the old record and adds '
  'another.';
COMMENT ON COLUMN segments.recorded_history.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.recorded_history.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.recorded_history.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.recorded_history.valid_from IS
  'As-of of the publication at which the customer entered.';
COMMENT ON COLUMN segments.recorded_history.valid_to IS
  'As-of of the publication at which the customer left; null while the stay lasts, or where it '
  'lasted when the record was replaced.';
COMMENT ON COLUMN segments.recorded_history.entered_cause IS 'Why the customer entered.';
COMMENT ON COLUMN segments.recorded_history.left_cause IS
  'Why the customer left; null while the stay lasts.';
COMMENT ON COLUMN segments.recorded_history.rule_version IS
  'The rule version under which the customer entered.';
COMMENT ON COLUMN segments.recorded_history.run_id IS
  'The run that recorded the stay; null outside a run.';
COMMENT ON COLUMN segments.recorded_history.recorded_from IS 'When the stay was recorded.';
COMMENT ON COLUMN segments.recorded_history.recorded_to IS
  'When a correction replaced the record; null while it is believed.';
GRANT SELECT ON segments.recorded_history TO strata_reader;
