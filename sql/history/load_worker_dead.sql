-- $1 load_id bigint, $2 action_id uuid of who asks, $3 class integer of workers' locks. Workers whose lease is over, or whose session is gone.
SELECT w.action_id, w.writer_epoch, a.host, a.pid, a.started_at, w.leased_until, held.held
FROM esmigrate.load_worker w
JOIN esmigrate.index_action a ON a.id = w.action_id
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l
                   WHERE l.locktype = 'advisory' AND l.classid = $3::bigint::oid
                     AND l.objid = pg_catalog.hashtext(w.action_id::text)::oid AND l.objsubid = 2 AND l.granted
                     AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) AS held
) held
WHERE w.load_id = $1::bigint AND w.action_id <> $2::uuid AND a.status = 'running'
  AND (NOT held.held OR w.leased_until < clock_timestamp())
ORDER BY w.writer_epoch
