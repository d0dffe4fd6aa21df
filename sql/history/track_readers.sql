-- $1 master text, $2 tracker text, $3 system_identifier bigint, $4 database_oid bigint. The filled live instances that may need the records of a tracker: those whose changed.sql names it, and those of its master, which may read it by a view; and how far the one has come that is furthest behind.
SELECT count(*) AS readers, min(i.changed_through) AS behind,
       (array_agg(i.index_name ORDER BY i.changed_through))[1] AS slowest
FROM esmigrate.index_instance i
JOIN esmigrate.index_master m ON m.id = i.master_id
WHERE i.state <> 'dropped' AND i.index_uuid IS NOT NULL AND i.changed_sql IS NOT NULL
  AND i.changed_through IS NOT NULL
  AND i.source_system_identifier = $3::bigint AND i.source_database_oid = $4::bigint
  AND (m.name = $1 OR strpos(i.changed_sql, quote_literal($2)) > 0)
