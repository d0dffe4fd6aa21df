-- $1 index_name text. The rejected document that was refused last.
SELECT d.instance_id, d.doc_id, d.error_type, d.reason
FROM esmigrate.rejected_document d
JOIN esmigrate.index_instance i ON i.id = d.instance_id
WHERE i.index_name = $1
ORDER BY d.last_at DESC, d.doc_id
LIMIT 1
