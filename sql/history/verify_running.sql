-- $1 instance_id bigint, $2 action_id uuid of whom the asking run is a part, or null. Whether an es_verify of the instance is running, or has crashed, that is not that one.
SELECT count(*) > 0 AND count(*) FILTER (WHERE id = $2::uuid) = 0 AS others
FROM esmigrate.index_action
WHERE instance_id = $1::bigint AND status = 'running' AND action = 'verify'
