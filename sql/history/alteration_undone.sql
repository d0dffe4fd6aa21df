-- $1 action_id uuid. The index is as it was before the change.
UPDATE esmigrate.index_alteration t SET ended_at = clock_timestamp(), outcome = 'undone'
FROM esmigrate.index_action a
WHERE t.action_id = $1::uuid AND t.ended_at IS NULL AND a.id = t.action_id AND a.status = 'running'
RETURNING t.action_id
