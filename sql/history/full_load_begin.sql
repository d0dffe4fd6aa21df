-- $1 action_id uuid, $2 index_uuid text, $3 source_system_identifier bigint, $4 source_database_oid bigint, $5 taken_at timestamptz, $6 changed_through timestamptz, $7 marks bigint[], $8 bounds text[]: the ids at which one range ends and the next begins, $9 source_lsn pg_lsn, $10 source_timeline bigint, $11 trackers text[]. Begins a full update.
WITH mine AS (
    SELECT id, instance_id FROM esmigrate.index_action WHERE id = $1::uuid AND status = 'running'
), begun AS (
    INSERT INTO esmigrate.full_load
        (instance_id, action_id, index_uuid, source_system_identifier, source_database_oid, source_lsn, source_timeline, taken_at, changed_through, marks, trackers)
    SELECT instance_id, id, $2, $3::bigint, $4::bigint, $9::pg_lsn, $10::bigint, $5::timestamptz, $6::timestamptz, $7::bigint[], $11::text[] FROM mine
    RETURNING id, started_at
), ranges AS (
    -- Outside of the array there is NULL: the first and the last range are open-ended.
    INSERT INTO esmigrate.load_range (load_id, number, first_id, end_id)
    SELECT begun.id, n, ($8::text[])[n - 1], ($8::text[])[n]
    FROM begun, generate_series(1, cardinality($8::text[]) + 1) AS n
)
SELECT id, started_at FROM begun
