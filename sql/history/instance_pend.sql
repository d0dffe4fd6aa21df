-- $1 action_id uuid, $2 instance_id bigint. The action is about to make the index again.
UPDATE esmigrate.index_instance i SET pending_action_id = a.id
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND i.id = $2::bigint
RETURNING i.id
