-- age_band: text, as of 2024-03-31T09:30:00Z (Europe/Lisbon)
SELECT c.customer_id, coalesce(c.value, 'unknown') AS value
FROM (
  SELECT c.customer_id, CASE WHEN c.value >= 65 THEN '65+' WHEN c.value >= 18 THEN '18-64' WHEN c.value IS NOT NULL THEN 'under 18' END AS value
  FROM (
    SELECT c.customer_id, CASE WHEN c.value ~ '^[+-]?[0-9]{1,18}$' THEN c.value::bigint END AS value
    FROM (
      SELECT c.customer_id, CASE WHEN CASE WHEN c.value ~ '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$' THEN c.value::numeric >= 0.0 AND c.value::numeric <= 120.0 ELSE false END THEN c.value ELSE NULL END AS value
      FROM (
        SELECT c.customer_id, CASE WHEN c.value <= date '2024-03-31'
                  THEN extract(year FROM age(date '2024-03-31', c.value))::integer::text END AS value
        FROM (
          SELECT c.customer_id, CASE WHEN left(c.value, 10) ~ '^[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}$' AND left(c.value, 10) !~ '^0000'
                    THEN CASE WHEN substr(left(c.value, 10), 9)::integer BETWEEN 1 AND extract(day FROM
                      make_date(substr(left(c.value, 10), 1, 4)::integer, substr(left(c.value, 10), 6, 2)::integer, 1)
                      + interval '1 month - 1 day') THEN (left(c.value, 10))::date END END AS value
          FROM (
            SELECT c.customer_id, p.attributes ->> 'birth_date' AS value
            FROM facts.customers AS c
            LEFT JOIN facts.customer_profile AS p
              ON p.customer_id = c.customer_id AND p.recorded_to = 'infinity'
              AND p.valid_from < timestamptz '2024-03-31T09:30:00Z' AND p.valid_to >= timestamptz '2024-03-31T09:30:00Z'
            WHERE c.first_seen_at < timestamptz '2024-03-31T09:30:00Z' OR c.first_seen_at IS NULL
          ) AS c
        ) AS c
      ) AS c
    ) AS c
  ) AS c
) AS c
ORDER BY c.customer_id;
