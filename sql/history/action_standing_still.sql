-- $1 master_id bigint. The newest action that stopped indexing of a master, if nothing has resumed it since.
SELECT s.action, s.instance_id, s.started_at, s.stopped_at
FROM (
    SELECT action, instance_id, started_at, stopped_at, resumed_at FROM esmigrate.index_action
    WHERE master_id = $1::bigint AND stopped_at IS NOT NULL
    ORDER BY started_at DESC LIMIT 1
) s
WHERE s.resumed_at IS NULL
