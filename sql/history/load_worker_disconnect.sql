-- $1 action_id uuid of a worker that was replaced, $2 class integer of workers' locks. Ends the session that holds its locks, if it still has one.
SELECT pg_catalog.pg_terminate_backend(l.pid) FROM pg_catalog.pg_locks l
WHERE l.locktype = 'advisory' AND l.classid = $2::bigint::oid
  AND l.objid = pg_catalog.hashtext(($1::uuid)::text)::oid AND l.objsubid = 2 AND l.granted
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
