-- $1 id uuid, $2 error text. Closes a crashed action with what was found of it.
UPDATE esmigrate.index_action
SET status = 'interrupted', finished_at = greatest(clock_timestamp(), started_at), error = $2
WHERE id = $1::uuid AND status = 'running'
