-- $1 action_id uuid of a worker that was fenced, $2 error text, $3 action_id uuid of who replaces it. Closes its action, which frees its ranges; no later run gets its epoch (rule R2). No row: it was closed meanwhile, or who asks was.
WITH replaced AS (
    UPDATE esmigrate.index_action a
    SET status = 'interrupted', finished_at = greatest(clock_timestamp(), a.started_at), error = $2
    FROM esmigrate.index_action mine
    WHERE a.id = $1::uuid AND a.status = 'running' AND mine.id = $3::uuid AND mine.status = 'running'
    RETURNING a.id, a.instance_id
), raised AS (
    UPDATE esmigrate.index_instance i SET writer_epoch = i.writer_epoch + 1
    FROM replaced WHERE i.id = replaced.instance_id
)
SELECT id FROM replaced
