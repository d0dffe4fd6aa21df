-- $1 pending_action_id uuid. The engine index was not made: a new instance leaves no row, its
-- number is free again; one that was to be made again stays what it was.
WITH kept AS (
    UPDATE esmigrate.index_instance SET pending_action_id = NULL
    WHERE pending_action_id = $1::uuid AND index_uuid IS NOT NULL
    RETURNING id
)
DELETE FROM esmigrate.index_instance
WHERE pending_action_id = $1::uuid AND index_uuid IS NULL
