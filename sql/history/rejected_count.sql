-- $1 instance_id bigint. How many of its rejected documents are open.
SELECT count(*) AS open FROM esmigrate.rejected_document WHERE instance_id = $1::bigint
