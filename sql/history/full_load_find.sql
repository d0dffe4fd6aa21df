-- $1 instance_id bigint. The full update of an instance that is not at its end.
SELECT l.id, l.index_uuid, l.source_system_identifier, l.source_database_oid, l.source_lsn, l.source_timeline, l.taken_at,
       l.changed_through, array_to_json(l.marks)::text AS marks, l.started_at,
       greatest(l.started_at, (SELECT max(r.finished_at) FROM esmigrate.load_range r WHERE r.load_id = l.id)) < now() - interval '1 day' AS is_old,
       (SELECT count(*) FROM esmigrate.load_range r WHERE r.load_id = l.id) AS ranges,
       (SELECT count(*) FROM esmigrate.load_range r WHERE r.load_id = l.id AND r.finished_at IS NULL) AS ranges_left
FROM esmigrate.full_load l
WHERE l.instance_id = $1::bigint AND l.ended_at IS NULL
