-- A step between the nights reads the events of a load or two: out of 16 pages and not out of 128.
DROP INDEX facts.events_by_load;
CREATE INDEX events_by_load ON facts.events USING brin (load_id) WITH (pages_per_range = 16);
