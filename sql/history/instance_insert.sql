-- $1 action_id uuid, $2 number integer, $3 index_name, $4 body, $5 documents_sql, $6 changed_sql, $7 changed_at_zone, $8 search_path, $9 fingerprint, $10 deletes, $11 tag: texts
WITH mine AS (
    SELECT id, master_id FROM esmigrate.index_action
    WHERE id = $1::uuid AND status = 'running' FOR UPDATE
), made AS (
    INSERT INTO esmigrate.index_instance
        (master_id, pending_action_id, number, index_name, body, documents_sql, changed_sql,
         changed_at_zone, search_path, fingerprint, deletes, tag)
    SELECT mine.master_id, mine.id, $2::integer, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM mine
    RETURNING id
)
SELECT id FROM made
