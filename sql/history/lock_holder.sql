-- $1 class integer, $2 object integer. Who holds it, as far as this role may see, and the action that does.
SELECT l.pid, host(a.client_addr) AS client, a.backend_start, r.action, r.os_user, r.host, r.pid AS action_pid,
       r.started_at, array_to_string(r.argv, ' ') AS command
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
LEFT JOIN LATERAL (
    -- A crashed run may have left a running row: the holder's is the newest.
    SELECT x.* FROM esmigrate.index_action x
    WHERE x.status = 'running'
      AND ($1::bigint = x'65736d31'::bigint AND x.master_id = $2::bigint AND x.action IN ('create', 'activate', 'rollback', 'drop', 'prune', 'track', 'deploy')
           OR $1::bigint = x'65736d32'::bigint AND x.instance_id = $2::bigint AND x.action <> 'verify'
           OR $1::bigint = x'65736d35'::bigint AND x.instance_id = $2::bigint AND x.action = 'verify')
    ORDER BY x.started_at DESC LIMIT 1
) r ON true
WHERE l.locktype = 'advisory' AND l.classid = $1::bigint::oid AND l.objid = $2::bigint::oid AND l.objsubid = 2
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.granted
LIMIT 1
