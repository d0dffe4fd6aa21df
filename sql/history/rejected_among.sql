-- $1 instance_id bigint, $2 doc_ids text[]. Those of them that are open rejections.
SELECT d.doc_id FROM esmigrate.rejected_document d
WHERE d.instance_id = $1::bigint AND md5(d.doc_id) IN (SELECT md5(t.id) FROM unnest($2::text[]) t (id))
