-- $1 action_id uuid, $2 settings jsonb. What the engine settings were, before they are changed for the time of the load (rule R11).
UPDATE esmigrate.index_instance i SET settings_to_restore = $2::jsonb
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND i.id = a.instance_id
RETURNING i.id
