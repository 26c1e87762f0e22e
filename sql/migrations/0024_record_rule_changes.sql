-- Who changed which rule when and why, and where population cuts fell: what an explanation of a past
-- date needs beside the facts.

ALTER TABLE runs.run ADD COLUMN author text, ADD COLUMN reason text;
COMMENT ON COLUMN runs.run.author IS
  'Who asked for the run; null where it was its schedule, or nobody said';
COMMENT ON COLUMN runs.run.reason IS
  'Why, as --message said; null where nobody did. Kept with the rules that the run publishes';

CREATE TABLE segments.rule_change (
  publication_id integer NOT NULL REFERENCES segments.publication_record,
  segment_id integer NOT NULL REFERENCES segments.segment,
  version_id integer REFERENCES segments.rule_version,
  author text,
  message text,
  PRIMARY KEY (publication_id, segment_id)
);
CREATE INDEX rule_change_by_version ON segments.rule_change (version_id);
COMMENT ON TABLE segments.rule_change IS
  'Every change of a rule that was published: a segment that is new, has another rule, or has left.';
COMMENT ON COLUMN segments.rule_change.publication_id IS 'The publication that changed it.';
COMMENT ON COLUMN segments.rule_change.segment_id IS 'The segment.';
COMMENT ON COLUMN segments.rule_change.version_id IS
  'The rule version from then on; null where the segment left the catalogue.';
COMMENT ON COLUMN segments.rule_change.author IS 'Who asked for the run; null where nobody said.';
COMMENT ON COLUMN segments.rule_change.message IS 'Why, as --message said; null where nobody did.';

CREATE TABLE segments.population_cut (
  as_of timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  population bigint NOT NULL,
  members bigint NOT NULL,
  is_degenerate boolean NOT NULL,
  condition text COLLATE "C" NOT NULL,
  cut text NOT NULL,
  PRIMARY KEY (as_of, condition, recorded_at)
);
COMMENT ON TABLE segments.population_cut IS
  'Where top and bottom conditions cut among everyone, by evaluation.';
COMMENT ON COLUMN segments.population_cut.as_of IS 'The instant evaluated.';
COMMENT ON COLUMN segments.population_cut.recorded_at IS 'When the evaluation was stored.';
COMMENT ON COLUMN segments.population_cut.population IS 'The customers that had a value.';
COMMENT ON COLUMN segments.population_cut.members IS 'The customers selected.';
COMMENT ON COLUMN segments.population_cut.is_degenerate IS
  'Whether the cut fell on the extreme value, so that only values beyond it were selected.';
COMMENT ON COLUMN segments.population_cut.condition IS 'The condition as it is written in the rule.';
COMMENT ON COLUMN segments.population_cut.cut IS 'The value at the cut, as it is written in a rule.';

-- What has been loaded since an instant: loads end about in the order of their numbers.
CREATE INDEX load_by_end ON landing.load USING brin (finished_at) WITH (pages_per_range = 16);

-- For the SQL that is printed for analysts: ScorePayload's bytes as rows. Some seconds for a million.
CREATE FUNCTION models.scores_at(model text, as_of timestamptz)
RETURNS TABLE (customer_id bigint, score double precision)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
  bytes bytea;
  place integer := 1;
  shift integer;
  part integer;
  value bigint;
  customer bigint := 0;
  number bigint := -1;
  count bigint := 0;
  base bigint;
  bits bigint;
BEGIN
  -- Put together with nothing, the payload is taken out of storage once and not for every byte.
  SELECT s.payload || ''::bytea INTO bytes
  FROM models.score s WHERE s.model = scores_at.model AND s.as_of = scores_at.as_of;
  IF bytes IS NULL THEN
    RETURN;
  END IF;
  IF get_byte(bytes, 0) <> 1 THEN
    RAISE EXCEPTION 'expected scores of layout 1, found %', get_byte(bytes, 0);
  END IF;
  WHILE number < count LOOP
    value := 0;
    shift := 0;
    LOOP
      part := get_byte(bytes, place);
      place := place + 1;
      value := value | ((part & 127)::bigint << shift);
      EXIT WHEN part < 128;
      shift := shift + 7;
    END LOOP;
    IF number < 0 THEN
      count := value;
      base := octet_length(bytes) - 4 * count;
      number := 0;
      CONTINUE;
    END IF;
    customer := customer + value;
    part := (base + 4 * number)::integer;
    bits := get_byte(bytes, part)::bigint | (get_byte(bytes, part + 1)::bigint << 8)
      | (get_byte(bytes, part + 2)::bigint << 16) | (get_byte(bytes, part + 3)::bigint << 24);
    customer_id := customer;
    -- IEEE 754: the mantissa's hidden bit is there unless the exponent is 0.
    score := (CASE WHEN (bits >> 23) & 255 = 0 THEN bits & 8388607 ELSE (bits & 8388607) | 8388608 END)
      * 2::double precision ^ (greatest((bits >> 23) & 255, 1) - 150)
      * CASE WHEN bits >> 31 = 1 THEN -1 ELSE 1 END;
    RETURN NEXT;
    number := number + 1;
  END LOOP;
END
$$;
COMMENT ON FUNCTION models.scores_at(text, timestamptz) IS
  'The scores that a model gave at a local midnight; none where it gave none';

CREATE OR REPLACE VIEW segments.catalog AS
SELECT s.name AS segment, s.title, s.description, s.priority, s.is_live,
  CASE WHEN s.is_live THEN z.members END AS members, l.as_of, v.rule, v.hash AS rule_version,
  f.as_of AS rule_since, 'audience.' || quote_ident(s.audience_view) AS audience_view, s.promotion,
  c.author AS rule_author, c.message AS rule_message
FROM segments.segment s
LEFT JOIN segments.rule_version v ON v.version_id = s.version_id
LEFT JOIN segments.publication_record f ON f.publication_id = v.published_in
LEFT JOIN LATERAL (
  SELECT z.members FROM segments.segment_size z WHERE z.segment_id = s.segment_id
  ORDER BY z.as_of DESC LIMIT 1) z ON true
LEFT JOIN LATERAL (
  SELECT max(p.as_of) AS as_of FROM segments.publication_record p WHERE s.is_live) l ON true
LEFT JOIN LATERAL (
  SELECT r.author, r.message FROM segments.rule_change r
  WHERE r.version_id = s.version_id ORDER BY r.publication_id DESC LIMIT 1) c ON true;
COMMENT ON COLUMN segments.catalog.rule_author IS
  'Who asked for the run that brought the rule into force; null where nobody said.';
COMMENT ON COLUMN segments.catalog.rule_message IS
  'Why the rule was changed, as --message said; null where nobody did.';
