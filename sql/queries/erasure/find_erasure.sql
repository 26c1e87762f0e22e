-- The erasure of a key.
-- $1 the company's key.
-- Result: at most one row: erasure_id, erased_at, publication_id, author, reason, erased (json text).
SELECT e.erasure_id, e.erased_at, e.publication_id, e.author, e.reason, e.erased
FROM landing.erased_key AS k JOIN landing.erasure AS e USING (erasure_id)
WHERE k.digest = landing.erased_digest($1::text)
