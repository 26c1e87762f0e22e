-- Notes what is known of a load's file once it was read to its end.
-- Parameters: $1 load, $2 bytes or NULL, $3 digest or NULL. Result: none.
UPDATE landing.load SET bytes = $2, digest = $3 WHERE load_id = $1
