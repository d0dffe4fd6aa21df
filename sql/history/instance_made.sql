-- $1 pending_action_id uuid, $2 index_uuid text. The engine index of an instance is there, empty; if it was active, the alias went with the old index, and an empty one must not go live.
WITH made AS (
    UPDATE esmigrate.index_instance
    SET index_uuid = $2, pending_action_id = NULL, state = 'empty', changed_through = NULL,
        filled_at = NULL, settings_to_restore = NULL
    WHERE pending_action_id = $1::uuid
    RETURNING id
), inactive AS (
    UPDATE esmigrate.index_master m SET active_instance_id = NULL
    FROM made WHERE m.active_instance_id = made.id
)
SELECT id FROM made
