-- $1 action_id uuid, $2 body_after text, $3 fingerprint_after text, $4 settings_before jsonb, $5 settings_after jsonb. What the action is about to change of its instance.
INSERT INTO esmigrate.index_alteration
    (action_id, instance_id, body_before, body_after, fingerprint_before, fingerprint_after,
     settings_before, settings_after)
SELECT a.id, i.id, i.body, $2, i.fingerprint, $3, $4::jsonb, $5::jsonb
FROM esmigrate.index_action a
JOIN esmigrate.index_instance i ON i.id = a.instance_id
WHERE a.id = $1::uuid AND a.status = 'running'
RETURNING action_id
