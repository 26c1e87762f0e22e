-- What analysts ask of customers beside their segments, and nothing that they need not: three more
-- views, and no more rights than those.

CREATE VIEW segments.customer AS
SELECT c.customer_id, c.customer_key, c.first_seen_at, c.profile
FROM facts.customers c;
COMMENT ON VIEW segments.customer IS
  'One row per customer with what is known of it now, also of customers in no segment.';
COMMENT ON COLUMN segments.customer.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.customer.customer_key IS 'The customer, the company''s own key.';
COMMENT ON COLUMN segments.customer.first_seen_at IS
  'Earliest time known of the customer; null where none is.';
COMMENT ON COLUMN segments.customer.profile IS
  'Profile attributes as the sources gave them last, a JSON object: profile->>''country''. One on '
  'which sources contradict each other is null.';

-- Reads all purchases and refunds; grouped by the distribution key.
CREATE VIEW segments.customer_value AS
SELECT e.customer_id, e.currency, count(*) FILTER (WHERE e.kind_id = 1) AS purchases,
  coalesce(sum(e.amount) FILTER (WHERE e.kind_id = 1), 0) AS gross,
  coalesce(sum(e.amount) FILTER (WHERE e.kind_id = 2), 0) AS refunded,
  coalesce(sum(CASE e.kind_id WHEN 1 THEN e.amount ELSE -e.amount END), 0) AS net,
  min(e.occurred_at) FILTER (WHERE e.kind_id = 1) AS first_purchase_at,
  max(e.occurred_at) FILTER (WHERE e.kind_id = 1) AS last_purchase_at
FROM facts.events e
WHERE e.kind_id IN (1, 2)
GROUP BY e.customer_id, e.currency;
COMMENT ON VIEW segments.customer_value IS
  'What each customer has bought and given back over its lifetime: one row per customer and '
  'currency, none for customers without either. Reads all purchases: seconds, not milliseconds.';
COMMENT ON COLUMN segments.customer_value.customer_id IS 'The customer, internal number.';
COMMENT ON COLUMN segments.customer_value.currency IS
  'ISO 4217 code of the amounts; null where the source has none.';
COMMENT ON COLUMN segments.customer_value.purchases IS 'How many purchases.';
COMMENT ON COLUMN segments.customer_value.gross IS 'Sum of the purchases.';
COMMENT ON COLUMN segments.customer_value.refunded IS 'Sum of what was given back.';
COMMENT ON COLUMN segments.customer_value.net IS 'gross less refunded: the lifetime value.';
COMMENT ON COLUMN segments.customer_value.first_purchase_at IS
  'The first purchase; null where there are refunds only.';
COMMENT ON COLUMN segments.customer_value.last_purchase_at IS
  'The last purchase; null where there are refunds only.';

CREATE VIEW segments.rule_history AS
SELECT s.name AS segment, v.hash AS rule_version, v.rule, p.as_of, p.run_id, p.published_at,
  v.version_id = s.version_id AS is_current
FROM segments.rule_version v
JOIN segments.segment s ON s.segment_id = v.segment_id
JOIN segments.publication_record p ON p.publication_id = v.published_in;
COMMENT ON VIEW segments.rule_history IS
  'Every rule that each segment has had: one row per segment and version, never changed.';
COMMENT ON COLUMN segments.rule_history.segment IS 'Name of the segment.';
COMMENT ON COLUMN segments.rule_history.rule_version IS 'Hash of the rule.';
COMMENT ON COLUMN segments.rule_history.rule IS 'The rule in its normal form.';
COMMENT ON COLUMN segments.rule_history.as_of IS 'As-of of the first publication with it.';
COMMENT ON COLUMN segments.rule_history.run_id IS
  'The run that published it first; null outside a run.';
COMMENT ON COLUMN segments.rule_history.published_at IS 'When it was published first.';
COMMENT ON COLUMN segments.rule_history.is_current IS
  'Whether it is the rule that the segment had at the latest publication with the segment.';

GRANT SELECT ON segments.customer, segments.customer_value, segments.rule_history TO strata_reader;

-- SECURITY DEFINER, because readers may not read the models.
CREATE FUNCTION segments.scores_at(model text, as_of timestamptz DEFAULT 'infinity')
RETURNS TABLE (customer_id bigint, customer_key text, score double precision, fixed_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  midnight timestamptz;
BEGIN
  IF NOT EXISTS (SELECT FROM models.model m WHERE m.model = scores_at.model) THEN
    RAISE EXCEPTION 'no model is named "%"', scores_at.model
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT max(s.as_of) INTO midnight
  FROM models.score s WHERE s.model = scores_at.model AND s.as_of <= scores_at.as_of;
  RETURN QUERY
  SELECT x.customer_id, c.customer_key, x.score, midnight
  FROM models.scores_at(scores_at.model, midnight) AS x
  JOIN facts.customers c ON c.customer_id = x.customer_id;
END
$$;
COMMENT ON FUNCTION segments.scores_at(text, timestamptz) IS
  'The scores of a model at the last midnight at or before an instant (default: the latest), which '
  'rules read until the next: customers of the model''s population only. Some seconds for a million.';
REVOKE ALL ON FUNCTION segments.scores_at(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION segments.scores_at(text, timestamptz) TO strata_reader;

-- Views are read with their owner's rights: readers need no way into the schemas behind them, where
-- functions are.
REVOKE USAGE ON SCHEMA facts, features, runs FROM strata_reader;

-- Erasure ---------------------------------------------------------------------------------------

-- The road of a person who asks to be forgotten: everything of it goes, and what stays behind is a
-- keyed hash of its keys, by which loads know rows that they must drop.

CREATE TABLE landing.erasure (
  erasure_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  erased_at      timestamptz NOT NULL,
  load_id        bigint NOT NULL,
  publication_id integer,
  author         text NOT NULL,
  reason         text NOT NULL,
  erased         jsonb NOT NULL
);
COMMENT ON TABLE landing.erasure IS
  'Every erasure of a customer: who asked for it, why and when; nothing that tells who it was';
COMMENT ON COLUMN landing.erasure.erasure_id IS 'Number of the erasure, rising';
COMMENT ON COLUMN landing.erasure.erased_at IS 'When it was done';
COMMENT ON COLUMN landing.erasure.load_id IS
  'The row of the ledger of loads by which watches and builds learn of it';
COMMENT ON COLUMN landing.erasure.publication_id IS
  'The publication by which the customer left its segments; NULL where it was in none';
COMMENT ON COLUMN landing.erasure.author IS 'Who did it';
COMMENT ON COLUMN landing.erasure.reason IS 'Why';
COMMENT ON COLUMN landing.erasure.erased IS 'How many rows of which table were removed or changed';

CREATE TABLE landing.erased_key (
  erasure_id bigint NOT NULL REFERENCES landing.erasure,
  digest     bytea PRIMARY KEY
);
CREATE INDEX erased_key_by_erasure ON landing.erased_key (erasure_id);
COMMENT ON TABLE landing.erased_key IS
  'Tombstones: rows of loads whose customer has one of these keys are counted and dropped';
COMMENT ON COLUMN landing.erased_key.erasure_id IS 'The erasure';
COMMENT ON COLUMN landing.erased_key.digest IS 'landing.erased_digest of the company''s own key';

CREATE TABLE landing.erasure_secret (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  secret bytea NOT NULL
);
INSERT INTO landing.erasure_secret (secret)
SELECT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
COMMENT ON TABLE landing.erasure_secret IS
  'One row: what digests of erased keys are made with, so that those of two databases cannot be '
  'compared and no list of keys computed elsewhere finds them';
COMMENT ON COLUMN landing.erasure_secret.secret IS '32 random bytes; digests are lost with them';

CREATE FUNCTION landing.erased_digest(key text) RETURNS bytea
LANGUAGE sql STABLE AS $$
  SELECT sha256(s.secret || sha256(s.secret || convert_to(key, 'UTF8')))
  FROM landing.erasure_secret AS s
$$;
COMMENT ON FUNCTION landing.erased_digest IS
  'The keyed hash of a customer''s key: SHA-256 twice, each time behind the secret';

CREATE FUNCTION landing.words(raw text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE AS $$
  SELECT DISTINCT word
  FROM (
    SELECT replace(regexp_replace(btrim(w, E' \t\r\n'), '^"(.*)"$', '\1'), '""', '"') AS word
    FROM regexp_split_to_table(raw, '[,;|\t]') AS w
    UNION ALL
    SELECT w FROM regexp_split_to_table(raw, '"') AS w
    UNION ALL
    SELECT w FROM regexp_split_to_table(raw, '[^[:alnum:]_@.+-]+') AS w
  ) AS parts
  WHERE word <> ''
$$;
COMMENT ON FUNCTION landing.words IS
  'What may be the values of a row that could not be read: its fields, its quoted texts, its words';

CREATE FUNCTION landing.names_erased(raw text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM landing.words(raw) AS w (word)
    JOIN landing.erased_key AS e ON e.digest = landing.erased_digest(w.word))
$$;
COMMENT ON FUNCTION landing.names_erased IS 'Whether a raw row holds the key of an erased customer';

CREATE FUNCTION landing.key_pattern(keys text[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT '(?<![[:alnum:]_@+-])(?:'
    || string_agg(
      regexp_replace(k, '([][\\^$.|?*+(){}-])', '\\\1', 'g'), '|' ORDER BY length(k) DESC, k)
    || ')(?![[:alnum:]_@+-])'
  FROM unnest(keys) AS k
$$;
COMMENT ON FUNCTION landing.key_pattern IS
  'A regular expression that finds keys where they stand as words of their own';

CREATE FUNCTION landing.without_keys(value jsonb, pattern text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE jsonb_typeof(value)
    WHEN 'string' THEN to_jsonb(regexp_replace(value #>> '{}', pattern, '(erased)', 'g'))
    WHEN 'array' THEN coalesce((
      SELECT jsonb_agg(landing.without_keys(a.v, pattern) ORDER BY a.place)
      FROM jsonb_array_elements(value) WITH ORDINALITY AS a (v, place)), '[]')
    WHEN 'object' THEN coalesce((
      SELECT jsonb_object_agg(
        regexp_replace(o.k, pattern, '(erased)', 'g'),
        -- A row as it stood in its file says more of a person than the key.
        CASE WHEN o.k = 'raw' AND o.v #>> '{}' ~ pattern THEN '"(erased)"'
          ELSE landing.without_keys(o.v, pattern) END)
      FROM jsonb_each(value) AS o (k, v)), '{}')
    ELSE value
  END;
END
$$;
COMMENT ON FUNCTION landing.without_keys IS
  'A JSON value in whose texts keys are replaced by (erased), and raw rows that hold one as a whole';
