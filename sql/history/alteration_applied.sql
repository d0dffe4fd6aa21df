-- $1 action_id uuid. The index has the change: the instance is of the new declaration from now on.
WITH alteration AS (
    UPDATE esmigrate.index_alteration t SET ended_at = clock_timestamp(), outcome = 'applied'
    FROM esmigrate.index_action a
    WHERE t.action_id = $1::uuid AND t.ended_at IS NULL AND a.id = t.action_id AND a.status = 'running'
    RETURNING t.instance_id, t.body_after, t.fingerprint_after
)
UPDATE esmigrate.index_instance i SET body = alteration.body_after, fingerprint = alteration.fingerprint_after
FROM alteration WHERE i.id = alteration.instance_id
RETURNING i.id
