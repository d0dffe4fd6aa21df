-- $1 instance_id bigint, $2 error text. Closes the crashed es_verify runs of an instance, of which that lock is held.
UPDATE esmigrate.index_action
SET status = 'interrupted', finished_at = greatest(clock_timestamp(), started_at), error = $2
WHERE instance_id = $1::bigint AND status = 'running' AND action = 'verify'
