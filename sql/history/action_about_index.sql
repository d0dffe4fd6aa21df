-- $1 action id uuid, $2 index name text. The action deletes an index that is no instance's.
UPDATE esmigrate.index_action SET index_name = $2 WHERE id = $1::uuid AND status = 'running' RETURNING id
