-- no parameters. Sessions whose lock on a relation keeps a reader out, and those that wait for one; oldest first.
SELECT l.pid, l.relation::regclass AS relation, coalesce(nullif(a.application_name, ''), a.usename::text, 'unknown') AS application, a.xact_start AS since
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
ORDER BY l.granted DESC, a.xact_start
LIMIT 1
