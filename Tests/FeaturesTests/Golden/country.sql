-- country: none, as of 2024-03-31T09:30:00Z (Europe/Lisbon)
SELECT c.customer_id, c.profile ->> 'it''s country' AS value
FROM facts.customers AS c
WHERE c.first_seen_at < timestamptz '2024-03-31T09:30:00Z' OR c.first_seen_at IS NULL
ORDER BY c.customer_id;
