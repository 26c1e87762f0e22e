-- Replaces for whom an evaluation differs from the rules.
-- $1 evaluation_id, $2 the differences or null for none (MembershipChanges).
UPDATE segments.evaluation SET differences = $2::bytea WHERE evaluation_id = $1::bigint
