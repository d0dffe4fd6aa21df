-- no parameters. Whether es_init has ever run here.
SELECT pg_catalog.to_regclass('esmigrate.schema_migration') IS NOT NULL AS present,
       pg_catalog.to_regnamespace('esmigrate') IS NOT NULL AS namespace_present,
       current_database() AS database
