-- $1 master_id bigint. The active instance, if an es_rollback made it that (between whose beginning and end it became active) and neither that one nor a later switch to it completed.
SELECT i.id AS instance_id
FROM esmigrate.index_master m
JOIN esmigrate.index_instance i ON i.id = m.active_instance_id
WHERE m.id = $1::bigint
  AND EXISTS (
    SELECT FROM esmigrate.index_action r
    WHERE r.master_id = m.id AND r.instance_id = i.id AND r.action = 'rollback' AND r.status <> 'complete'
      AND r.started_at <= i.activated_at AND coalesce(r.finished_at, 'infinity') >= i.activated_at
      AND NOT EXISTS (
        SELECT FROM esmigrate.index_action c
        WHERE c.master_id = m.id AND c.instance_id = i.id AND c.action IN ('activate', 'rollback')
          AND c.status = 'complete' AND c.started_at > r.started_at))
