-- $1 action_id uuid, $2 changed_through timestamptz (null: it stays), $3 full boolean, $4 source_system_identifier bigint, $5 source_database_oid bigint, $6 source_lsn pg_lsn (null: of a standby), $7 source_timeline bigint, $8 source_clock timestamptz (null: of a standby), $9 source_clock_boot text, $10 source_clock_uptime bigint. The mark of an update (rule R5). It goes back only with a full one: what that has read is exactly known, and the mark of another source, or of one that was set back itself or in its clock, means nothing in this one; nor does it to a standby that has replayed nothing yet, and may be behind it.
UPDATE esmigrate.index_instance i
SET changed_through = CASE
        WHEN NOT $3::boolean THEN greatest(i.changed_through, $2::timestamptz)
        WHEN $2::timestamptz IS NULL
             AND (i.source_system_identifier, i.source_database_oid, i.source_timeline) IS NOT DISTINCT FROM ($4::bigint, $5::bigint, $7::bigint)
             AND (i.source_lsn <= $6::pg_lsn) IS NOT FALSE
             AND i.changed_through <= $8::timestamptz THEN i.changed_through
        ELSE $2::timestamptz END,
    state = CASE WHEN $3::boolean OR i.filled_at IS NOT NULL THEN 'ready' ELSE i.state END,
    filled_at = CASE WHEN $3::boolean THEN coalesce(i.filled_at, clock_timestamp()) ELSE i.filled_at END,
    source_system_identifier = CASE WHEN $3::boolean THEN $4::bigint ELSE i.source_system_identifier END,
    source_database_oid = CASE WHEN $3::boolean THEN $5::bigint ELSE i.source_database_oid END,
    source_lsn = $6::pg_lsn,
    source_clock = $8::timestamptz, source_clock_boot = $9, source_clock_uptime = $10::bigint,
    source_timeline = CASE WHEN $3::boolean THEN $7::bigint ELSE i.source_timeline END
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND i.id = a.instance_id
RETURNING i.changed_through
