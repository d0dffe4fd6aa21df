-- $1 name text (null: all). Masters by name.
SELECT m.id, m.name, m.active_instance_id, m.options::text AS options, m.created_at
FROM esmigrate.index_master m
WHERE $1::text IS NULL OR m.name = $1
ORDER BY m.name
