-- What the database decided against rows that had passed every check of their own.
-- Parameters: none. Result: reason, warned (bits of warnings or NULL), count, t1 to t8 (exact sums
-- as text, at each total's scale).
SELECT reason, warned, count(*) AS count,
  sum(t1)::text AS t1, sum(t2)::text AS t2, sum(t3)::text AS t3, sum(t4)::text AS t4,
  sum(t5)::text AS t5, sum(t6)::text AS t6, sum(t7)::text AS t7, sum(t8)::text AS t8
FROM pg_temp.strata_staged
WHERE reason IS NOT NULL AND content IS NOT NULL
GROUP BY reason, warned
