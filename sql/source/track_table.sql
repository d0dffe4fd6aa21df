-- $1 name text. The table that a name means here, as SQL would take it, and what of it matters to triggers; no row: there is none.
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
       pg_catalog.quote_ident(c.relname) AS alias, c.relname AS plain, n.nspname AS schema, c.relkind AS kind,
       c.relpersistence AS persistence, c.relispartition AS is_partition,
       EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) AS has_children,
       EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r
               WHERE r.srrelid = c.oid OR r.srrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid))) AS subscribed,
       pg_catalog.quote_ident(current_user) AS reader
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.to_regclass($1)
