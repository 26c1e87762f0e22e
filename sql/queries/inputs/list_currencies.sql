-- The currencies in which amounts of each kind came.
-- Parameters: none. Result: kind_id, name, currency.
SELECT a.kind_id, k.name, a.currency
FROM facts.amount_currency AS a
JOIN facts.event_kind AS k USING (kind_id)
ORDER BY a.kind_id, a.currency
