-- $1 prefix text. Records the identity the first time; afterwards it stays.
INSERT INTO esmigrate.installation (prefix, system_identifier, database_oid)
SELECT $1, c.system_identifier, d.oid::bigint
FROM pg_catalog.pg_control_system() c, pg_catalog.pg_database d
WHERE d.datname = current_database()
ON CONFLICT (singleton) DO NOTHING
