-- $1 id of the action that made an engine index, as the index bears it, text or null. What this history knows of it; no row: nothing.
SELECT a.master_id, m.name AS master, a.instance_id
FROM esmigrate.index_action a
JOIN esmigrate.index_master m ON m.id = a.master_id
WHERE a.id = CASE WHEN $1 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $1::uuid END
