-- $1 instance_id bigint, $2 action_id uuid, $3 doc_ids text[], $4 http_statuses integer[], $5 error_types text[], $6 reasons text[]. Returns how many are open now.
WITH refused AS (
    SELECT DISTINCT ON (r.doc_id) r.*
    FROM unnest($3::text[], $4::integer[], $5::text[], $6::text[]) AS r (doc_id, http_status, error_type, reason)
), kept AS (
    INSERT INTO esmigrate.rejected_document AS d
        (instance_id, doc_id, action_id, http_status, error_type, reason)
    SELECT $1::bigint, r.doc_id, a.id, r.http_status, r.error_type, r.reason
    FROM refused r JOIN esmigrate.index_action a ON a.id = $2::uuid AND a.status = 'running'
    ON CONFLICT (instance_id, md5(doc_id)) DO UPDATE
    SET action_id = excluded.action_id, http_status = excluded.http_status,
        error_type = excluded.error_type, reason = excluded.reason, tries = d.tries + 1,
        last_at = excluded.last_at
    RETURNING (xmax = 0) AS is_new
)
SELECT (SELECT count(*) FROM esmigrate.rejected_document WHERE instance_id = $1::bigint)
       + count(*) FILTER (WHERE is_new) AS open, count(*) AS written
FROM kept
