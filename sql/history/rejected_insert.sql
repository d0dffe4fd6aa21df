-- $1 instance_id bigint, $2 action_id uuid, $3 doc_ids text[], $4 http_statuses integer[], $5 error_types text[], $6 reasons text[], $7 most bigint. Keeps at most so many of an instance; returns how many there would be.
WITH refused AS (
    SELECT DISTINCT ON (r.doc_id) r.*
    FROM unnest($3::text[], $4::integer[], $5::text[], $6::text[]) AS r (doc_id, http_status, error_type, reason)
), known AS (
    SELECT r.*, EXISTS (SELECT FROM esmigrate.rejected_document d
                        WHERE d.instance_id = $1::bigint AND md5(d.doc_id) = md5(r.doc_id)) AS is_open
    FROM refused r
), before AS (
    SELECT count(*) AS open FROM esmigrate.rejected_document WHERE instance_id = $1::bigint
), fitting AS (
    SELECT k.*, row_number() OVER (PARTITION BY is_open ORDER BY doc_id) + before.open AS place
    FROM known k, before
), kept AS (
    INSERT INTO esmigrate.rejected_document AS d
        (instance_id, doc_id, action_id, http_status, error_type, reason)
    SELECT $1::bigint, f.doc_id, a.id, f.http_status, f.error_type, f.reason
    FROM fitting f JOIN esmigrate.index_action a ON a.id = $2::uuid AND a.status = 'running'
    WHERE f.is_open OR f.place <= $7::bigint
    ON CONFLICT (instance_id, md5(doc_id)) DO UPDATE
    SET action_id = excluded.action_id, http_status = excluded.http_status,
        error_type = excluded.error_type, reason = excluded.reason, tries = d.tries + 1,
        last_at = excluded.last_at
    RETURNING d.doc_id
)
SELECT before.open + (SELECT count(*) FROM known WHERE NOT is_open) AS open,
       (SELECT count(*) FROM esmigrate.index_action WHERE id = $2::uuid AND status = 'running') AS running
FROM before
