-- Makes spells that were written beside their publication its own.
-- $1 publication_id.
DELETE FROM segments.early_opening WHERE publication_id = $1::integer
