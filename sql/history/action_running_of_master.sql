-- $1 master_id bigint. Running actions whose runs hold the master's lock while they live.
SELECT id, action, instance_id FROM esmigrate.index_action
WHERE master_id = $1::bigint AND status = 'running' AND action IN ('create', 'activate', 'drop', 'track')
ORDER BY started_at
