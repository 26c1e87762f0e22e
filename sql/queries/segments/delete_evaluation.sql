-- Removes an evaluation that no later publication can need.
-- $1 evaluation_id.
DELETE FROM segments.evaluation WHERE evaluation_id = $1::bigint
