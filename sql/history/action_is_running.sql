-- $1 id uuid. A row, if no other run has declared this one crashed.
SELECT id FROM esmigrate.index_action WHERE id = $1::uuid AND status = 'running'
