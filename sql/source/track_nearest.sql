-- $1 name text. A table that may have been meant by a name that is none, as it has to be typed.
SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('information_schema', 'esmigrate', 'esmigrate_source')
  AND n.nspname !~ '^pg_'
  AND lower(c.relname) = lower(pg_catalog.regexp_replace(pg_catalog.regexp_replace($1, '^.*[.]', ''), '^"|"$', '', 'g'))
ORDER BY 1
LIMIT 1
