-- Notes an erasure.
-- $1 when, $2 load, $3 publication or null, $4 author, $5 reason, $6 what was erased (json text),
-- $7 text[] the keys, which the reason must not name.
-- Result: erasure_id.
INSERT INTO landing.erasure (erased_at, load_id, publication_id, author, reason, erased)
VALUES (
  $1::timestamptz, $2::bigint, $3::integer, $4::text,
  regexp_replace($5::text, landing.key_pattern($7::text[]), '(erased)', 'g'), $6::jsonb)
RETURNING erasure_id
