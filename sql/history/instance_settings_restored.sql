-- $1 action_id uuid. The engine has the settings again that were taken off (rule R11).
UPDATE esmigrate.index_instance i SET settings_to_restore = NULL
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND i.id = a.instance_id
RETURNING i.id
