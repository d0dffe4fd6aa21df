-- $1 instance_id bigint, $2 doc_id text, $3 error_type text. Whether the document is kept as rejected for that already.
SELECT EXISTS (SELECT FROM esmigrate.rejected_document
               WHERE instance_id = $1::bigint AND md5(doc_id) = md5($2) AND error_type = $3) AS known
