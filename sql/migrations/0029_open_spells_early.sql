-- Spells that open are many, and may be written over a connection of their own beside what their
-- publication writes. They are then there before the row of their publication is: whoever reads open
-- spells reads `shown_spell`, and a publication that never came to its end is taken back by the next.

CREATE TABLE segments.early_opening (publication_id integer PRIMARY KEY);
COMMENT ON TABLE segments.early_opening IS
  'Publications under way whose spells are written already, which nobody sees yet. A row that outlives '
  'its publication tells the next one to remove them.';
COMMENT ON COLUMN segments.early_opening.publication_id IS
  'What the publication will be, and what opened_in of its spells says.';

CREATE VIEW segments.shown_spell AS
SELECT o.customer_id, o.valid_from, o.segment_id, o.opened_in, o.entered_version, o.entered_cause
FROM segments.open_spell o
WHERE o.opened_in <= (SELECT max(p.publication_id) FROM segments.publication_record p);
COMMENT ON VIEW segments.shown_spell IS
  'Open spells of publications that are recorded: those that readers see.';
COMMENT ON COLUMN segments.shown_spell.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.shown_spell.valid_from IS
  'As-of of the publication at which the customer entered.';
COMMENT ON COLUMN segments.shown_spell.segment_id IS 'The segment.';
COMMENT ON COLUMN segments.shown_spell.opened_in IS 'The publication that recorded this.';
COMMENT ON COLUMN segments.shown_spell.entered_version IS
  'The rule version under which the customer entered.';
COMMENT ON COLUMN segments.shown_spell.entered_cause IS 'Why the customer entered.';

CREATE OR REPLACE VIEW segments.membership AS
SELECT o.customer_id, c.customer_key, s.name AS segment, o.valid_from AS since,
  o.entered_cause::text AS cause, v.hash AS rule_version, p.run_id
FROM segments.shown_spell o
JOIN segments.segment s ON s.segment_id = o.segment_id
LEFT JOIN facts.customers c ON c.customer_id = o.customer_id
LEFT JOIN segments.rule_version v ON v.version_id = o.entered_version
LEFT JOIN segments.publication_record p ON p.publication_id = o.opened_in;

CREATE OR REPLACE VIEW segments.history AS
SELECT h.customer_id, c.customer_key, s.name AS segment, h.valid_from, h.valid_to,
  h.entered_cause::text AS entered_cause, h.left_cause::text AS left_cause,
  v.hash AS rule_version, p.run_id, p.published_at AS recorded_from
FROM (
  SELECT customer_id, segment_id, valid_from, NULL::timestamptz AS valid_to, entered_cause,
    NULL::segments.cause AS left_cause, entered_version, opened_in
  FROM segments.shown_spell
  UNION ALL
  SELECT customer_id, segment_id, valid_from, valid_to, entered_cause, left_cause,
    entered_version, opened_in
  FROM segments.ended_spell WHERE superseded_in IS NULL
) h
JOIN segments.segment s ON s.segment_id = h.segment_id
LEFT JOIN facts.customers c ON c.customer_id = h.customer_id
LEFT JOIN segments.rule_version v ON v.version_id = h.entered_version
LEFT JOIN segments.publication_record p ON p.publication_id = h.opened_in;

CREATE OR REPLACE VIEW segments.transitions AS
SELECT t.as_of, t.customer_id, c.customer_key, s.name AS segment, t.transition,
  t.cause::text AS cause, v.hash AS rule_version, p.run_id, p.published_at AS recorded_at
FROM (
  SELECT valid_from AS as_of, customer_id, segment_id, 'entered'::text AS transition,
    entered_cause AS cause, entered_version AS version_id, opened_in AS publication_id
  FROM segments.shown_spell
  UNION ALL
  SELECT valid_from, customer_id, segment_id, 'entered', entered_cause, entered_version, opened_in
  FROM segments.ended_spell WHERE superseded_in IS NULL
  UNION ALL
  SELECT valid_to, customer_id, segment_id, 'left', left_cause, left_version, closed_in
  FROM segments.ended_spell WHERE superseded_in IS NULL
) t
JOIN segments.segment s ON s.segment_id = t.segment_id
LEFT JOIN facts.customers c ON c.customer_id = t.customer_id
LEFT JOIN segments.rule_version v ON v.version_id = t.version_id
LEFT JOIN segments.publication_record p ON p.publication_id = t.publication_id;

CREATE OR REPLACE VIEW segments.primary_segment AS
SELECT b.customer_id, c.customer_key, w.name AS segment, w.priority
FROM (
  SELECT o.customer_id, min(s.rank) AS rank
  FROM segments.shown_spell o JOIN segments.segment s ON s.segment_id = o.segment_id
  GROUP BY o.customer_id
) b
JOIN segments.segment w ON w.rank = b.rank AND w.is_live
LEFT JOIN facts.customers c ON c.customer_id = b.customer_id;

CREATE OR REPLACE VIEW segments.recorded_history AS
SELECT h.customer_id, c.customer_key, s.name AS segment, h.valid_from, h.valid_to,
  h.entered_cause::text AS entered_cause, h.left_cause::text AS left_cause,
  v.hash AS rule_version, p.run_id, p.published_at AS recorded_from, q.published_at AS recorded_to
FROM (
  SELECT customer_id, segment_id, valid_from, NULL::timestamptz AS valid_to, entered_cause,
    NULL::segments.cause AS left_cause, entered_version, opened_in, NULL::integer AS superseded_in
  FROM segments.shown_spell
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

-- A view per segment, as publications make them.
DO $$
DECLARE
  audience record;
BEGIN
  FOR audience IN
    SELECT s.audience_view AS name, s.segment_id FROM segments.segment s
    WHERE s.audience_view IS NOT NULL
  LOOP
    EXECUTE format(
      'CREATE OR REPLACE VIEW audience.%I AS
       SELECT o.customer_id, c.customer_key, o.valid_from AS since,
         o.entered_cause::text AS cause, v.hash AS rule_version, p.run_id
       FROM segments.shown_spell o
       LEFT JOIN facts.customers c ON c.customer_id = o.customer_id
       LEFT JOIN segments.rule_version v ON v.version_id = o.entered_version
       LEFT JOIN segments.publication_record p ON p.publication_id = o.opened_in
       WHERE o.segment_id = %s', audience.name, audience.segment_id);
  END LOOP;
END
$$;

-- PL/pgSQL, because a lock taken in a block with an exception is given back with it.
CREATE FUNCTION segments.lock_publication() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  removed bigint := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('strata.publish', 0));
  -- The spells of a publication that has ended may still be on their way: they come, or do not, first.
  BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('strata.publish.open', 0));
    RAISE EXCEPTION 'given back' USING ERRCODE = 'ST001';
  EXCEPTION WHEN SQLSTATE 'ST001' THEN NULL;
  END;
  IF EXISTS (SELECT FROM segments.early_opening) THEN
    DELETE FROM segments.open_spell o
    WHERE o.opened_in > coalesce((SELECT max(p.publication_id) FROM segments.publication_record p), 0);
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM segments.early_opening;
  END IF;
  RETURN removed;
END
$$;
COMMENT ON FUNCTION segments.lock_publication() IS
  'Takes the project''s publish lock until the end of the transaction: publications go one by one. '
  'Returns how many spells it removed of a publication that never came to its end.';
REVOKE ALL ON FUNCTION segments.lock_publication() FROM PUBLIC;
