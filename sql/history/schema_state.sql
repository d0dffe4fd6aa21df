-- no parameters. Whether the schema is there, its newest version, and the identity it recorded
-- beside the identity of this database. Run only when esmigrate.schema_migration exists.
SELECT (SELECT max(version) FROM esmigrate.schema_migration) AS version,
       (SELECT string_agg(DISTINCT oldest_binary, ' ') FROM esmigrate.schema_migration) AS oldest_binaries,
       i.prefix,
       i.system_identifier AS recorded_system_identifier,
       i.database_oid AS recorded_database_oid,
       (SELECT system_identifier FROM pg_catalog.pg_control_system()) AS system_identifier,
       (SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = current_database()) AS database_oid
FROM (VALUES (1)) one (x)
LEFT JOIN esmigrate.installation i ON true
