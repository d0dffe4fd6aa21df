-- $1 master_id bigint. Running actions whose runs hold the master's lock while they live.
SELECT id, action, instance_id, started_at, stopped_at IS NOT NULL AND resumed_at IS NULL AS stands_still
FROM esmigrate.index_action
WHERE master_id = $1::bigint AND status = 'running' AND action IN ('create', 'activate', 'rollback', 'drop', 'prune', 'track', 'deploy')
ORDER BY started_at
