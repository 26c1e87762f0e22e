-- Whether a file of this size was loaded under this definition: only then its digest is worth
-- computing beforehand.
-- Parameters: $1 source, $2 bytes, $3 definition. Result: found.
SELECT EXISTS (
  SELECT FROM landing.load
  WHERE source_id = $1 AND bytes = $2 AND definition = $3 AND state = 'loaded') AS found
