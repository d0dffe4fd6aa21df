-- $1 action_id uuid, $2 changed_through timestamptz (null: it stays), $3 full boolean, $4 source_system_identifier bigint, $5 source_database_oid bigint. The mark of an update (rule R5). It goes back only with a full one: what that has read is exactly known, and the mark of another source means nothing in this one.
UPDATE esmigrate.index_instance i
SET changed_through = CASE
        WHEN NOT $3::boolean THEN greatest(i.changed_through, $2::timestamptz)
        WHEN $2::timestamptz IS NULL AND (i.source_system_identifier, i.source_database_oid) IS NOT DISTINCT FROM ($4::bigint, $5::bigint) THEN i.changed_through
        ELSE $2::timestamptz END,
    state = CASE WHEN $3::boolean OR i.filled_at IS NOT NULL THEN 'ready' ELSE i.state END,
    filled_at = CASE WHEN $3::boolean THEN coalesce(i.filled_at, clock_timestamp()) ELSE i.filled_at END,
    source_system_identifier = CASE WHEN $3::boolean THEN $4::bigint ELSE i.source_system_identifier END,
    source_database_oid = CASE WHEN $3::boolean THEN $5::bigint ELSE i.source_database_oid END
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND i.id = a.instance_id
RETURNING i.changed_through
