-- $1 master_id bigint. What the newest switch of the master was to, if that was an es_rollback that did not complete. What was refused before it chose an instance is none.
SELECT s.instance_id
FROM (
    SELECT action, status, instance_id FROM esmigrate.index_action
    WHERE master_id = $1::bigint AND action IN ('activate', 'rollback') AND instance_id IS NOT NULL
    ORDER BY started_at DESC LIMIT 1
) s
WHERE s.action = 'rollback' AND s.status <> 'complete'
