-- Which raw rows name an erased customer.
-- $1 text[] raw rows.
-- Result: place, from 1.
SELECT r.place FROM unnest($1::text[]) WITH ORDINALITY AS r (raw, place)
WHERE landing.names_erased(r.raw)
