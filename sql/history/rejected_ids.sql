-- $1 instance_id bigint. Ids that every update reads and sends again.
SELECT doc_id FROM esmigrate.rejected_document WHERE instance_id = $1::bigint ORDER BY doc_id
