-- When segments compete: overrides by people, what makes of the rules' members those that are
-- published, and what each customer lost by that.

-- Overrides -----------------------------------------------------------------------------------------

CREATE TYPE segments.override_action AS ENUM ('in', 'out', 'remove');
COMMENT ON TYPE segments.override_action IS
  'in: into the segment whatever the rule says; out: out of it; remove: ends an earlier one.';

CREATE TABLE segments.override (
  override_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  action segments.override_action NOT NULL,
  removes bigint UNIQUE REFERENCES segments.override,
  customer_id bigint NOT NULL,
  customer_key text COLLATE "C" NOT NULL,
  segment text COLLATE "C" NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz NOT NULL DEFAULT 'infinity',
  recorded_at timestamptz NOT NULL,
  author text NOT NULL,
  reason text NOT NULL,
  CHECK ((action = 'remove') = (removes IS NOT NULL)),
  CHECK (valid_to > valid_from)
);
CREATE INDEX override_by_customer ON segments.override (customer_id);
COMMENT ON TABLE segments.override IS
  'What people decided about customers and segments, whatever the rules say: rows are only added. A '
  'removal is a row of its own, so that what was known at any time can be told.';
COMMENT ON COLUMN segments.override.override_id IS 'Rises with each row.';
COMMENT ON COLUMN segments.override.action IS
  'in or out: the customer is, or is not, in the segment; remove: an earlier row counts no longer.';
COMMENT ON COLUMN segments.override.removes IS 'The row that a removal ends; null for others.';
COMMENT ON COLUMN segments.override.customer_id IS
  'The customer when it was recorded, internal number; who merges is found by the key.';
COMMENT ON COLUMN segments.override.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.override.segment IS 'Name of the segment in the catalogue.';
COMMENT ON COLUMN segments.override.valid_from IS
  'The first as_of at which it counts; of a removal, the first at which the other no longer does.';
COMMENT ON COLUMN segments.override.valid_to IS
  'The first as_of at which it no longer counts: its expiry; infinity for none.';
COMMENT ON COLUMN segments.override.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN segments.override.author IS 'Who decided.';
COMMENT ON COLUMN segments.override.reason IS 'Why.';

-- What differs from the rules -----------------------------------------------------------------------

ALTER TABLE segments.evaluation ADD COLUMN differences bytea;
ALTER TABLE segments.evaluation ALTER COLUMN differences SET STORAGE EXTERNAL;
COMMENT ON COLUMN segments.evaluation.differences IS
  'Whose published membership is not what the rule says, and who lost what to which segment: with '
  'evaluation_set it gives the sets that the rules found. Per kind of difference the segment, what '
  'decided, whether the rule is true, the segment that won, the channel, and the gaps between the '
  'customers'' numbers, as varints. Null for none.';

ALTER TABLE segments.evaluation_change ADD COLUMN differences bytea;
ALTER TABLE segments.evaluation_change ALTER COLUMN differences SET STORAGE EXTERNAL;
COMMENT ON COLUMN segments.evaluation_change.differences IS
  'The same of evaluation.differences: per kind of difference the customers who turned; null where '
  'none did.';

-- What was decided besides the rules ----------------------------------------------------------------

-- Like the spells of memberships: a row for as long as it lasts, so that a night writes only what is
-- different. What counts is the as_of alone: a correction replaces what was thought of the as_of.
CREATE TABLE segments.decision (
  customer_id bigint NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz NOT NULL DEFAULT 'infinity',
  segment_id integer NOT NULL,
  winner_id integer,
  reason text NOT NULL CHECK (reason IN ('pinned_in', 'pinned_out', 'group', 'cap', 'default')),
  channel text,
  PRIMARY KEY (customer_id, segment_id, valid_from),
  CHECK (valid_to > valid_from)
);
CREATE INDEX decision_valid_to ON segments.decision (valid_to, valid_from);
COMMENT ON TABLE segments.decision IS
  'What overrides, groups, full channels and the default segment made of customers whose rules say '
  'otherwise: one row for as long as it lasts.';
COMMENT ON COLUMN segments.decision.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.decision.valid_from IS 'The first published as_of of the decision.';
COMMENT ON COLUMN segments.decision.valid_to IS
  'The first published as_of without it; infinity while it lasts.';
COMMENT ON COLUMN segments.decision.segment_id IS 'The segment.';
COMMENT ON COLUMN segments.decision.winner_id IS 'The segment that won; null where none did.';
COMMENT ON COLUMN segments.decision.reason IS
  'pinned_in or default: the customer is in the segment; pinned_out, group or cap: is not.';
COMMENT ON COLUMN segments.decision.channel IS 'The full channel; null for other reasons than cap.';

CREATE VIEW segments.suppressed AS
SELECT p.as_of, x.customer_id, c.customer_key, s.name AS segment,
  CASE x.reason WHEN 'pinned_out' THEN 'override' ELSE x.reason END AS reason, w.name AS winner,
  x.channel
FROM (SELECT DISTINCT r.as_of FROM segments.publication_record r) p
JOIN segments.decision x ON x.valid_from <= p.as_of AND x.valid_to > p.as_of
  AND x.reason IN ('pinned_out', 'group', 'cap')
JOIN segments.segment s ON s.segment_id = x.segment_id
LEFT JOIN segments.segment w ON w.segment_id = x.winner_id
LEFT JOIN facts.customers c ON c.customer_id = x.customer_id;
COMMENT ON VIEW segments.suppressed IS
  'What conflicts and overrides took away at each published as_of: the segments that a customer would '
  'have been in. Ask for one as_of: there is a row for each.';
COMMENT ON COLUMN segments.suppressed.as_of IS 'The published instant.';
COMMENT ON COLUMN segments.suppressed.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.suppressed.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.suppressed.segment IS 'Name of the segment lost.';
COMMENT ON COLUMN segments.suppressed.reason IS
  'group: a better segment of the same exclusive group; cap: better segments have taken the places '
  'of a channel; override: a person took the customer out.';
COMMENT ON COLUMN segments.suppressed.winner IS
  'The segment that won; of a full channel the last one that found a place; null for override.';
COMMENT ON COLUMN segments.suppressed.channel IS 'The full channel; null for other reasons.';
GRANT SELECT ON segments.suppressed TO strata_reader;

COMMENT ON VIEW segments.primary_segment IS
  'The one segment that counts for each customer in any: the best by priority, ties by weight and '
  'then by name; by weight first where the project chooses by score.';
COMMENT ON COLUMN segments.segment.rank IS
  'Order of the project''s choice, from 0: the primary segment is the smallest rank.';
