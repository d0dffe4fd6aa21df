-- $1 action_id uuid. A full update of an instance that was never filled has begun.
UPDATE esmigrate.index_instance i SET state = 'loading'
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND i.id = a.instance_id AND i.filled_at IS NULL
