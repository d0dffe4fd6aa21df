-- $1 action_id uuid. The stop_indexing hook is about to be called.
UPDATE esmigrate.index_action SET stopped_at = clock_timestamp()
WHERE id = $1::uuid AND status = 'running'
RETURNING stopped_at
