-- $1 prefix text. Takes over a history that came from another database or had another prefix.
UPDATE esmigrate.installation i
SET prefix = $1, system_identifier = c.system_identifier, database_oid = d.oid::bigint,
    adopted_at = now()
FROM pg_catalog.pg_control_system() c, pg_catalog.pg_database d
WHERE d.datname = current_database()
  AND (i.prefix, i.system_identifier, i.database_oid)
      IS DISTINCT FROM ($1, c.system_identifier, d.oid::bigint)
