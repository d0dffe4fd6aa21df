-- $1 instance_id bigint. A cleared or dropped instance misses no document.
DELETE FROM esmigrate.rejected_document WHERE instance_id = $1::bigint
