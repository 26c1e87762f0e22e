-- Measures of events that are like a condition, and of numeric properties.

ALTER TABLE features.measure
  DROP CONSTRAINT measure_value_check,
  ADD CONSTRAINT measure_value_check CHECK (
    value IN ('count', 'amount', 'quantity') OR value LIKE 'properties.%'),
  ADD COLUMN condition text COLLATE "C";
COMMENT ON COLUMN features.measure.value IS
  'count: events; amount: their amount times 10^4; quantity: their quantity; properties.NAME: a '
  'numeric property times 10^4, rounded.';
COMMENT ON COLUMN features.measure.condition IS
  'What else holds of the events that count, as in features.yaml; NULL for nothing.';
COMMENT ON TABLE features.state_column IS
  'The columns of the states: zigzag varints with a null mask and a checksum; what is kept by day '
  '(slots that begin with "ring: ") as several of them, one after the other.';
