-- The analysts' API over segments: views and functions, owned by the role that migrates, readable
-- by strata_reader. Customers, publications and versions are joined from the left on their keys,
-- so that PostgreSQL drops the join where a query does not ask for their columns: counting the
-- members of each segment never touches facts.customers.

CREATE VIEW segments.publication AS
SELECT p.publication_id, p.as_of, p.run_id, p.published_at,
  p.publication_id = (
    SELECT l.publication_id FROM segments.publication_record l
    ORDER BY l.as_of DESC, l.publication_id DESC LIMIT 1) AS is_live
FROM segments.publication_record p;
COMMENT ON VIEW segments.publication IS
  'One row per publication. Everything a publication shows appears at once, in one transaction.';
COMMENT ON COLUMN segments.publication.publication_id IS
  'Number of the publication, rising by one.';
COMMENT ON COLUMN segments.publication.as_of IS
  'The instant whose memberships were published: the end of the run''s data interval.';
COMMENT ON COLUMN segments.publication.run_id IS 'The run that published; null outside a run.';
COMMENT ON COLUMN segments.publication.published_at IS 'When it was published.';
COMMENT ON COLUMN segments.publication.is_live IS
  'Whether this is the publication that segments.membership shows.';

CREATE VIEW segments.catalog AS
SELECT s.name AS segment, s.title, s.description, s.priority, s.is_live, z.members, z.as_of,
  v.rule, v.hash AS rule_version, f.as_of AS rule_since, 'audience.' || quote_ident(s.audience_view)
    AS audience_view
FROM segments.segment s
LEFT JOIN segments.rule_version v ON v.version_id = s.version_id
LEFT JOIN segments.publication_record f ON f.publication_id = v.published_in
LEFT JOIN segments.segment_size z ON z.segment_id = s.segment_id
  AND z.as_of = (SELECT max(l.as_of) FROM segments.publication_record l);
COMMENT ON VIEW segments.catalog IS
  'One row per segment ever published, as the latest publication describes it.';
COMMENT ON COLUMN segments.catalog.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.catalog.title IS 'The name for people.';
COMMENT ON COLUMN segments.catalog.description IS 'What the segment is for; may be empty.';
COMMENT ON COLUMN segments.catalog.priority IS
  'Smaller wins the primary segment; null comes last.';
COMMENT ON COLUMN segments.catalog.is_live IS
  'False once the segment has left the catalogue; its history stays.';
COMMENT ON COLUMN segments.catalog.members IS
  'Members in the live publication; null for a segment that left before it.';
COMMENT ON COLUMN segments.catalog.as_of IS 'As-of of that count.';
COMMENT ON COLUMN segments.catalog.rule IS 'The rule published last, in its normal form.';
COMMENT ON COLUMN segments.catalog.rule_version IS 'Hash of that rule.';
COMMENT ON COLUMN segments.catalog.rule_since IS
  'As-of of the first publication with that rule.';
COMMENT ON COLUMN segments.catalog.audience_view IS
  'The segment''s own view, quoted where SQL needs it; null once the segment has left.';

CREATE VIEW segments.membership AS
SELECT o.customer_id, c.customer_key, s.name AS segment, o.valid_from AS since,
  o.entered_cause::text AS cause, v.hash AS rule_version, p.run_id
FROM segments.open_spell o
JOIN segments.segment s ON s.segment_id = o.segment_id
LEFT JOIN facts.customers c ON c.customer_id = o.customer_id
LEFT JOIN segments.rule_version v ON v.version_id = o.entered_version
LEFT JOIN segments.publication_record p ON p.publication_id = o.opened_in;
COMMENT ON VIEW segments.membership IS
  'Who is in which segment now: one row per customer and segment of the live publication.';
COMMENT ON COLUMN segments.membership.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.membership.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.membership.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.membership.since IS
  'As-of of the publication at which the customer entered, without a break since.';
COMMENT ON COLUMN segments.membership.cause IS
  'Why the customer entered: event, time, rule, model, override, conflict, default, merge, late '
  'or erasure.';
COMMENT ON COLUMN segments.membership.rule_version IS
  'The rule version under which the customer entered.';
COMMENT ON COLUMN segments.membership.run_id IS
  'The run that recorded the entry; null outside a run.';

-- Current belief over both tables. Literal nulls keep the two arms' columns alike, and conditions
-- on any column reach the indexes of both.
CREATE VIEW segments.history AS
SELECT h.customer_id, c.customer_key, s.name AS segment, h.valid_from, h.valid_to,
  h.entered_cause::text AS entered_cause, h.left_cause::text AS left_cause,
  v.hash AS rule_version, p.run_id, p.published_at AS recorded_from
FROM (
  SELECT customer_id, segment_id, valid_from, NULL::timestamptz AS valid_to, entered_cause,
    NULL::segments.cause AS left_cause, entered_version, opened_in
  FROM segments.open_spell
  UNION ALL
  SELECT customer_id, segment_id, valid_from, valid_to, entered_cause, left_cause,
    entered_version, opened_in
  FROM segments.ended_spell WHERE superseded_in IS NULL
) h
JOIN segments.segment s ON s.segment_id = h.segment_id
LEFT JOIN facts.customers c ON c.customer_id = h.customer_id
LEFT JOIN segments.rule_version v ON v.version_id = h.entered_version
LEFT JOIN segments.publication_record p ON p.publication_id = h.opened_in;
COMMENT ON VIEW segments.history IS
  'Every stay of a customer in a segment, as believed now: half-open [valid_from, valid_to), and '
  'the stays of one customer and segment never overlap.';
COMMENT ON COLUMN segments.history.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.history.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.history.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.history.valid_from IS
  'As-of of the publication at which the customer entered.';
COMMENT ON COLUMN segments.history.valid_to IS
  'As-of of the publication at which the customer left; null while the stay lasts.';
COMMENT ON COLUMN segments.history.entered_cause IS 'Why the customer entered.';
COMMENT ON COLUMN segments.history.left_cause IS
  'Why the customer left; null while the stay lasts.';
COMMENT ON COLUMN segments.history.rule_version IS
  'The rule version under which the customer entered.';
COMMENT ON COLUMN segments.history.run_id IS
  'The run that recorded the stay; null outside a run.';
COMMENT ON COLUMN segments.history.recorded_from IS 'When the stay was recorded.';

CREATE VIEW segments.transitions AS
SELECT t.as_of, t.customer_id, c.customer_key, s.name AS segment, t.transition,
  t.cause::text AS cause, v.hash AS rule_version, p.run_id, p.published_at AS recorded_at
FROM (
  SELECT valid_from AS as_of, customer_id, segment_id, 'entered'::text AS transition,
    entered_cause AS cause, entered_version AS version_id, opened_in AS publication_id
  FROM segments.open_spell
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
COMMENT ON VIEW segments.transitions IS
  'Who entered and who left which segment at which publication, and why, as believed now.';
COMMENT ON COLUMN segments.transitions.as_of IS
  'As-of of the publication at which it happened.';
COMMENT ON COLUMN segments.transitions.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.transitions.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.transitions.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.transitions.transition IS 'entered or left.';
COMMENT ON COLUMN segments.transitions.cause IS
  'event: the customer had new events; time: nothing but time passed; rule: the rule is new or '
  'changed, or the segment left the catalogue; model: a score changed; or override, conflict, '
  'default, merge, late, erasure.';
COMMENT ON COLUMN segments.transitions.rule_version IS 'The rule version that decided.';
COMMENT ON COLUMN segments.transitions.run_id IS
  'The run that recorded it; null outside a run.';
COMMENT ON COLUMN segments.transitions.recorded_at IS 'When it was recorded.';

CREATE VIEW segments.daily_size AS
SELECT z.as_of, s.name AS segment, z.members, z.entered, z."left"
FROM segments.segment_size z JOIN segments.segment s ON s.segment_id = z.segment_id;
COMMENT ON VIEW segments.daily_size IS
  'Size and movement of each segment at each publication.';
COMMENT ON COLUMN segments.daily_size.as_of IS 'The published instant.';
COMMENT ON COLUMN segments.daily_size.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.daily_size.members IS 'Customers in the segment at as_of.';
COMMENT ON COLUMN segments.daily_size.entered IS
  'Customers in it at as_of and not at the publication before.';
COMMENT ON COLUMN segments.daily_size."left" IS
  'Customers in it at the publication before and not at as_of (a reserved word: write "left").';

-- The smallest rank per customer: a grouping by the distribution key, and a condition on
-- customer_id reaches its index.
CREATE VIEW segments.primary_segment AS
SELECT b.customer_id, c.customer_key, w.name AS segment, w.priority
FROM (
  SELECT o.customer_id, min(s.rank) AS rank
  FROM segments.open_spell o JOIN segments.segment s ON s.segment_id = o.segment_id
  GROUP BY o.customer_id
) b
JOIN segments.segment w ON w.rank = b.rank AND w.is_live
LEFT JOIN facts.customers c ON c.customer_id = b.customer_id;
COMMENT ON VIEW segments.primary_segment IS
  'The one segment that counts for each customer in any: the best by priority, then by name.';
COMMENT ON COLUMN segments.primary_segment.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.primary_segment.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.primary_segment.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.primary_segment.priority IS
  'Its priority; null where the catalogue gives none.';

-- SECURITY DEFINER, because readers may not read the spells. PL/pgSQL, because a distributed
-- database cannot plan SQL-language functions with parameters over distributed tables.
CREATE FUNCTION segments.members_at(
  segment text, as_of timestamptz, known_at timestamptz DEFAULT 'infinity')
RETURNS TABLE (customer_id bigint, customer_key text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  wanted integer;
  known integer;
BEGIN
  SELECT s.segment_id INTO wanted FROM segments.segment s WHERE s.name = members_at.segment;
  IF wanted IS NULL THEN
    RAISE EXCEPTION 'no segment is named "%"', members_at.segment
      USING ERRCODE = 'invalid_parameter_value', HINT = 'segments.catalog lists the names';
  END IF;
  SELECT max(p.publication_id) INTO known
  FROM segments.publication_record p WHERE p.published_at <= members_at.known_at;
  RETURN QUERY
  SELECT h.customer_id, c.customer_key
  FROM (
    SELECT o.customer_id FROM segments.open_spell o
    WHERE o.segment_id = wanted AND o.valid_from <= members_at.as_of AND o.opened_in <= known
    UNION ALL
    SELECT e.customer_id FROM segments.ended_spell e
    WHERE e.segment_id = wanted AND e.valid_from <= members_at.as_of AND e.opened_in <= known
      AND (e.valid_to > members_at.as_of OR e.closed_in IS NULL OR e.closed_in > known)
      AND (e.superseded_in IS NULL OR e.superseded_in > known)
  ) h
  LEFT JOIN facts.customers c ON c.customer_id = h.customer_id;
END
$$;
COMMENT ON FUNCTION segments.members_at(text, timestamptz, timestamptz) IS
  'The members of a segment at an instant: those of the last publication at or before it, as '
  'known at known_at (default: now). Unknown names are an error.';

REVOKE ALL ON FUNCTION segments.members_at(text, timestamptz, timestamptz) FROM PUBLIC;
GRANT USAGE ON SCHEMA segments, audience TO strata_reader;
GRANT EXECUTE ON FUNCTION segments.members_at(text, timestamptz, timestamptz) TO strata_reader;
GRANT SELECT ON segments.catalog, segments.membership, segments.history, segments.transitions,
  segments.daily_size, segments.primary_segment, segments.publication TO strata_reader;
