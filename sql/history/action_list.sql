-- $1 master_id bigint, $2 since timestamptz, $3 until timestamptz, $4 action text, $5 status text, $6 limit bigint, $7 first id uuid, $8 last id uuid, $9 instance number integer: each null if not given. Newest first. Of a running action what it last wrote of its progress stands for the totals, and alive says whether it still holds its lock (domain/lock.h): on the instance, the master, its verification, or, of a parent and of one of several workers, on its id.
SELECT a.id, a.parent_id, m.name AS master, i.number AS instance, coalesce(i.index_name, a.index_name) AS index, a.action,
       a.status, a.result, a.mode, a.started_at, a.finished_at,
       round(extract(epoch FROM coalesce(a.finished_at, clock_timestamp()) - a.started_at), 3) AS seconds,
       a.docs_indexed, a.docs_deleted, coalesce(p.rejected, a.docs_rejected) AS docs_rejected, a.docs_superseded,
       coalesce(p.retries, a.retries) AS retries, coalesce(p.bytes_sent, a.bytes_sent) AS bytes_sent,
       coalesce(a.in_flight, p.in_flight_limit) AS in_flight,
       a.changed_from, a.changed_through, array_to_json(a.argv)::text AS argv, a.tag,
       a.tool_version, a.os_user, a.host, a.pid, a.db_user, a.error,
       CASE WHEN a.status = 'running' THEN EXISTS (
           SELECT FROM pg_catalog.pg_locks l
           WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
             AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
             AND (l.classid::bigint, l.objid::bigint) = (
                 CASE WHEN a.master_id IS NULL THEN x'65736d33'::bigint
                      WHEN w.action_id IS NOT NULL THEN x'65736d34'::bigint
                      WHEN a.action IN ('create', 'activate', 'rollback', 'drop', 'prune', 'track', 'deploy') THEN x'65736d31'::bigint
                      WHEN a.action = 'verify' THEN x'65736d35'::bigint
                      ELSE x'65736d32'::bigint END,
                 CASE WHEN a.master_id IS NULL OR w.action_id IS NOT NULL THEN hashtext(a.id::text)::bigint & x'ffffffff'::bigint
                      WHEN a.action IN ('create', 'activate', 'rollback', 'drop', 'prune', 'track', 'deploy') THEN a.master_id
                      ELSE a.instance_id END)
       ) END AS alive,
       p.phase, p.documents_done, p.documents_total, p.is_estimate, p.docs_per_second, p.bytes_per_second,
       p.in_flight AS unanswered, p.eta_seconds, p.written_at AS progress_at,
       round(extract(epoch FROM clock_timestamp() - p.written_at), 3) AS progress_age,
       f.runs AS folded_runs, f.first_at AS folded_from, a.stopped_at, a.resumed_at,
       (SELECT json_agg(json_build_object('attempt', v.attempt, 'check', v.check_name, 'severity', v.severity,
                                          'verdict', v.verdict, 'numbers', v.numbers, 'samples', v.samples)
                        ORDER BY v.attempt, v.checked_at, v.check_name)::text
        FROM esmigrate.verification v WHERE v.action_id = a.id) AS checks
FROM esmigrate.index_action a
LEFT JOIN esmigrate.index_master m ON m.id = a.master_id
LEFT JOIN esmigrate.index_instance i ON i.id = a.instance_id
LEFT JOIN esmigrate.action_progress p ON p.action_id = a.id
LEFT JOIN esmigrate.load_worker w ON w.action_id = a.id
LEFT JOIN esmigrate.action_fold f ON f.action_id = a.id
WHERE ($1::bigint IS NULL OR a.master_id = $1::bigint)
  AND ($2::timestamptz IS NULL OR a.started_at >= $2::timestamptz)
  AND ($3::timestamptz IS NULL OR a.started_at < $3::timestamptz)
  AND ($4::text IS NULL OR a.action = $4)
  AND ($5::text IS NULL OR a.status = $5)
  AND ($7::uuid IS NULL OR a.id >= $7::uuid)
  AND ($8::uuid IS NULL OR a.id <= $8::uuid)
  AND ($9::integer IS NULL OR i.number = $9::integer)
ORDER BY a.started_at DESC, a.id
LIMIT $6::bigint
