-- $1 instance_id bigint
UPDATE esmigrate.index_instance SET activated_at = clock_timestamp() WHERE id = $1::bigint
