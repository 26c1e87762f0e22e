-- Erasures, newest first.
-- $1 at most so many.
-- Result: erasure_id, erased_at, publication_id, author, reason, erased (json text).
SELECT e.erasure_id, e.erased_at, e.publication_id, e.author, e.reason, e.erased
FROM landing.erasure AS e ORDER BY e.erasure_id DESC LIMIT $1::bigint
