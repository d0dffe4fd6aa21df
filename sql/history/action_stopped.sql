-- $1 action_id uuid, $2 stopped_at timestamptz (null: now). The stop_indexing hook is about to be called, or was by an earlier action.
UPDATE esmigrate.index_action SET stopped_at = coalesce($2::timestamptz, clock_timestamp()), resumed_at = NULL
WHERE id = $1::uuid AND status = 'running'
RETURNING stopped_at
