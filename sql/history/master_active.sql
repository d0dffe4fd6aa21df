-- $1 master_id bigint, $2 instance_id bigint (null: none), $3 keep interval (null: not at all), $4 action_id uuid: nothing is written once it is not running (null: the lock is held). What the alias points to. The instance that it left is kept for so long.
WITH before AS (
    SELECT id, active_instance_id, $3::interval AS keep FROM esmigrate.index_master
    WHERE id = $1::bigint AND active_instance_id IS DISTINCT FROM $2::bigint
      AND ($4::uuid IS NULL OR EXISTS (SELECT FROM esmigrate.index_action a WHERE a.id = $4::uuid AND a.status = 'running'))
    FOR UPDATE
), left_behind AS (
    UPDATE esmigrate.index_instance i
    SET deactivated_at = clock_timestamp(), kept_until = clock_timestamp() + before.keep
    FROM before WHERE i.id = before.active_instance_id
), arrived AS (
    UPDATE esmigrate.index_instance i SET activated_at = clock_timestamp(), kept_until = NULL
    FROM before WHERE i.id = $2::bigint
)
UPDATE esmigrate.index_master m SET active_instance_id = $2::bigint
FROM before WHERE m.id = before.id
