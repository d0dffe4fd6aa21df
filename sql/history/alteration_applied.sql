-- $1 action_id uuid. The index has the change: the instance is of the new declaration from now on, and what a full update that was cut short has done is of the old one.
WITH alteration AS (
    UPDATE esmigrate.index_alteration t SET ended_at = clock_timestamp(), outcome = 'applied'
    FROM esmigrate.index_action a
    WHERE t.action_id = $1::uuid AND t.ended_at IS NULL AND a.id = t.action_id AND a.status = 'running'
    RETURNING t.instance_id, t.body_after, t.fingerprint_after
), unfinished AS (
    UPDATE esmigrate.full_load l SET ended_at = clock_timestamp(), outcome = 'abandoned'
    FROM alteration WHERE l.instance_id = alteration.instance_id AND l.ended_at IS NULL
)
UPDATE esmigrate.index_instance i SET body = alteration.body_after, fingerprint = alteration.fingerprint_after
FROM alteration WHERE i.id = alteration.instance_id
RETURNING i.id
