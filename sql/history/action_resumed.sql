-- $1 action_id uuid. The resume_indexing hook has ended well.
UPDATE esmigrate.index_action SET resumed_at = greatest(clock_timestamp(), stopped_at)
WHERE id = $1::uuid AND status = 'running'
RETURNING extract(epoch FROM resumed_at - stopped_at) AS seconds
