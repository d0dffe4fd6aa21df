-- $1 id uuid, $2 instance_id bigint (null: none). Which instance a running action turned out to touch.
UPDATE esmigrate.index_action SET instance_id = $2::bigint
WHERE id = $1::uuid AND status = 'running'
RETURNING id
