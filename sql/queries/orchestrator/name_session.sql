-- Names this session in pg_stat_activity.
-- Parameters: $1 name, cut at 63 bytes by the server
-- Result: the name
SELECT set_config('application_name', $1, false) AS name
