-- $1 action_id uuid, $2 outcome text. The unfinished full update of the action's instance, if there is one, has come to its end.
UPDATE esmigrate.full_load l SET ended_at = clock_timestamp(), outcome = $2
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND l.instance_id = a.instance_id AND l.ended_at IS NULL
