-- $1 prefix text. Takes over a history that came from another database, had another prefix, or whose indexes are on another engine now.
UPDATE esmigrate.installation i
SET prefix = $1, system_identifier = c.system_identifier, database_oid = d.oid::bigint,
    cluster_uuid = NULL, adopted_at = now()
FROM pg_catalog.pg_control_system() c, pg_catalog.pg_database d
WHERE d.datname = current_database()
