-- $1 action_id uuid. From here on the index holds no longer what changed_through says, nor what an unfinished full update has brought.
WITH abandoned AS (
    UPDATE esmigrate.full_load l SET ended_at = clock_timestamp(), outcome = 'abandoned'
    FROM esmigrate.index_action a
    WHERE a.id = $1::uuid AND a.status = 'running' AND l.instance_id = a.instance_id AND l.ended_at IS NULL
)
UPDATE esmigrate.index_instance i
SET state = 'cleared', changed_through = NULL, filled_at = NULL
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND i.id = a.instance_id
RETURNING i.id
