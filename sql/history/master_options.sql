-- $1 master_id bigint, $2 options jsonb
UPDATE esmigrate.index_master SET options = $2::jsonb
WHERE id = $1::bigint AND options IS DISTINCT FROM $2::jsonb
