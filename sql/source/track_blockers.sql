-- $1 table text. A session whose lock on the table keeps triggers from being made, the oldest one.
SELECT l.pid, l.relation::regclass AS relation, coalesce(nullif(a.application_name, ''), a.usename::text, 'unknown') AS application, a.xact_start AS since
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
  AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.relation = pg_catalog.to_regclass($1)
ORDER BY a.xact_start
LIMIT 1
