-- Takes the versions that corrections replace out of the events, keeps them, and records whom that
-- concerns. The loads narrow the search by their BRIN index.
-- Parameters: $1 source, $2 load, $3 when. Result: none; the number of rows is that of versions.
WITH gone AS (
  DELETE FROM facts.events AS e
  USING pg_temp.strata_corrected AS c
  WHERE e.source_id = $1
    AND e.load_id = ANY (ARRAY(SELECT DISTINCT old_load FROM pg_temp.strata_corrected))
    AND e.load_id = c.old_load AND e.event_id = c.event_id
  RETURNING e.*
), kept AS (
  INSERT INTO facts.event_version (
    customer_id, occurred_at, recorded_from, recorded_to, load_id, kind_id, source_id, cause, item,
    quantity, amount, currency, properties, event_id, order_key)
  SELECT customer_id, occurred_at, ingested_at, $3, load_id, kind_id, source_id, 'correction', item,
    quantity, amount, currency, properties, event_id, order_key
  FROM gone
)
INSERT INTO facts.touched (customer_id, load_id, first_at, last_at, recorded_at, cause)
SELECT customer_id, $2, occurred_at, occurred_at, $3, 'correction' FROM gone
