-- $1 instance_id bigint, $2 class integer of workers' locks. Whether a full update of the instance is being worked at.
SELECT EXISTS (
    SELECT FROM esmigrate.full_load u
    JOIN esmigrate.load_worker w ON w.load_id = u.id
    JOIN esmigrate.index_action a ON a.id = w.action_id AND a.status = 'running'
    WHERE u.instance_id = $1::bigint AND u.ended_at IS NULL
      AND EXISTS (SELECT FROM pg_catalog.pg_locks l
                   WHERE l.locktype = 'advisory' AND l.classid = $2::bigint::oid
                     AND l.objid = pg_catalog.hashtext(w.action_id::text)::oid AND l.objsubid = 2 AND l.granted
                     AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
) AS running
