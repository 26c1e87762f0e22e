-- Whether Citus knows its coordinator as a node (group 0): local tables are else out of the reach of
-- reference tables. Needs the extension citus.
-- Parameters: none.
-- Result: known boolean.
SELECT EXISTS (SELECT FROM pg_dist_node WHERE groupid = 0) AS known
