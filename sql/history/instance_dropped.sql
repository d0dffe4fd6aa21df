-- $1 instance_id bigint. The engine index is gone on purpose; an active instance stops being it.
UPDATE esmigrate.index_instance SET state = 'dropped', dropped_at = clock_timestamp()
WHERE id = $1::bigint AND state <> 'dropped'
