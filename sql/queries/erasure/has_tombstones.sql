-- Whether any customer has been erased: asked once a load holds the lock that erasures wait for.
-- Result: found.
SELECT EXISTS (SELECT FROM landing.erased_key) AS found
