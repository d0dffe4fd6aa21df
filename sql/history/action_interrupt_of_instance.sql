-- $1 instance_id bigint, $2 error text. Closes the crashed runs of an instance whose lock is held; a writer among them makes the next epoch (rule R2).
WITH crashed AS (
    UPDATE esmigrate.index_action
    SET status = 'interrupted', finished_at = greatest(clock_timestamp(), started_at), error = coalesce(error, $2)
    WHERE instance_id = $1::bigint AND status = 'running' AND action NOT IN ('create', 'activate', 'rollback', 'drop', 'prune', 'verify', 'deploy')
    RETURNING id, action, started_at
), fenced AS (
    UPDATE esmigrate.index_instance SET writer_epoch = writer_epoch + 1
    WHERE id = $1::bigint AND EXISTS (SELECT FROM crashed)
)
SELECT id, action, started_at FROM crashed ORDER BY started_at
