-- $1 table oid, $2 column number smallint. The table and column that _id comes from, quoted, and how many pages a sample has to choose from; no row for what cannot be sampled.
SELECT c.oid::regclass::text AS relation, quote_ident(a.attname) AS column,
       coalesce((SELECT sum(pg_relation_size(p.relid)) FROM pg_catalog.pg_partition_tree(c.oid) p),
                pg_relation_size(c.oid)) / current_setting('block_size')::bigint AS pages
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = $2::smallint
WHERE c.oid = $1::oid AND c.relkind IN ('r', 'm', 'p')
