-- The bounds of windows as literals: b0 is as_of, b7 seven days before, a7 eight; for
-- full_best.sql and night_best.sql. Variables: as_of. Written by write_definitions.py.
SET client_min_messages = warning;
SELECT
  (:'as_of'::timestamptz - interval '0 days')::text AS b0,
  (:'as_of'::timestamptz - interval '1 days')::text AS a0,
  (:'as_of'::timestamptz - interval '7 days')::text AS b7,
  (:'as_of'::timestamptz - interval '8 days')::text AS a7,
  (:'as_of'::timestamptz - interval '14 days')::text AS b14,
  (:'as_of'::timestamptz - interval '15 days')::text AS a14,
  (:'as_of'::timestamptz - interval '30 days')::text AS b30,
  (:'as_of'::timestamptz - interval '31 days')::text AS a30,
  (:'as_of'::timestamptz - interval '45 days')::text AS b45,
  (:'as_of'::timestamptz - interval '46 days')::text AS a45,
  (:'as_of'::timestamptz - interval '60 days')::text AS b60,
  (:'as_of'::timestamptz - interval '61 days')::text AS a60,
  (:'as_of'::timestamptz - interval '90 days')::text AS b90,
  (:'as_of'::timestamptz - interval '91 days')::text AS a90,
  (:'as_of'::timestamptz - interval '180 days')::text AS b180,
  (:'as_of'::timestamptz - interval '181 days')::text AS a180
\gset
