-- no parameters. Whether es_track has been used here, and whether this role may read what it records.
SELECT count(*) = 2 AS there, coalesce(bool_and(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND pg_catalog.has_table_privilege(c.oid, 'SELECT')), false) AS readable,
       pg_catalog.quote_ident(current_user) AS reader
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'esmigrate_source' AND c.relname IN ('tracker', 'change') AND c.relkind = 'r'
