-- $1 instance_id bigint, $2 error text. Closes the crashed es_verify runs of an instance, of which that lock is held, with what they were sending again; such a writer makes the next epoch (rule R2).
WITH crashed AS (
    UPDATE esmigrate.index_action
    SET status = 'interrupted', finished_at = greatest(clock_timestamp(), started_at), error = $2
    WHERE instance_id = $1::bigint AND status = 'running' AND action = 'verify'
    RETURNING id
), repairs AS (
    UPDATE esmigrate.index_action a
    SET status = 'interrupted', finished_at = greatest(clock_timestamp(), a.started_at), error = $2
    FROM esmigrate.index_action v
    WHERE a.parent_id = v.id AND v.id IN (SELECT id FROM crashed) AND a.status = 'running'
    RETURNING a.id
)
UPDATE esmigrate.index_instance SET writer_epoch = writer_epoch + 1
WHERE id = $1::bigint AND EXISTS (SELECT FROM repairs)
