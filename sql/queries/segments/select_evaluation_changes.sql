-- What publications changed of an evaluation, in their order.
-- $1 evaluation_id, $2 publication after which to begin (0 for all), $3 the last publication.
-- Result: bytes and differences, the latter null for none (MembershipChanges).
SELECT bytes, differences
FROM segments.evaluation_change
WHERE evaluation_id = $1::bigint AND publication_id > $2::integer AND publication_id <= $3::integer
ORDER BY publication_id
