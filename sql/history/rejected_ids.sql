-- $1 instance_id bigint, $2 action_id uuid (null: none). Ids that every update reads and sends again, but those that this action has rejected itself.
SELECT doc_id FROM esmigrate.rejected_document
WHERE instance_id = $1::bigint AND action_id IS DISTINCT FROM $2::uuid
ORDER BY doc_id
