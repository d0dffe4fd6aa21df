-- $1 master_id bigint, $2 instance_id bigint (null: none). What the alias points to.
UPDATE esmigrate.index_master SET active_instance_id = $2::bigint
WHERE id = $1::bigint AND active_instance_id IS DISTINCT FROM $2::bigint
