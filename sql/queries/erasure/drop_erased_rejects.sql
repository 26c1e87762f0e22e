-- Drops the rejected rows of a load that name an erased customer: they are counted, not kept.
-- $1 load.
DELETE FROM landing.rejected AS r WHERE r.load_id = $1::bigint AND landing.names_erased(r.raw)
