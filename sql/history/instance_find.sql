-- $1 master_id bigint (null: all). The instances, oldest first.
SELECT i.id, i.master_id, m.name AS master, i.number, i.index_name, i.index_uuid,
       i.pending_action_id, i.body, i.documents_sql, i.changed_sql, i.changed_at_zone,
       i.search_path, i.fingerprint, i.deletes, i.tag, i.state, i.changed_through, i.read_version,
       i.writer_epoch, i.source_system_identifier, i.source_database_oid,
       i.source_lsn, i.source_timeline, i.source_clock, i.source_clock_boot,
       i.source_clock_uptime, i.created_at, i.filled_at, i.activated_at, i.dropped_at,
       i.deactivated_at, i.kept_until > clock_timestamp() AS kept, i.kept_until,
       i.settings_to_restore::text AS settings_to_restore, m.active_instance_id IS NOT DISTINCT FROM i.id AS active
FROM esmigrate.index_instance i
JOIN esmigrate.index_master m ON m.id = i.master_id
WHERE $1::bigint IS NULL OR i.master_id = $1::bigint
ORDER BY m.name, i.number
