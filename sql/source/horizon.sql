-- $1 overlap interval. The changed-since horizon of this database (rule R1): up to it, every session that could have stamped a row has ended its transaction. Sessions that cannot stamp rows do not count: walsenders, autovacuum, VACUUM, our own (marked by advisory lock class 1702066035), and parallel workers of such ones, whose leader holds the lock and shows as VACUUM.
WITH clock AS (
    SELECT now() AS taken_at
), ours AS (
    SELECT l.pid FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'advisory' AND l.classid = 1702066035::oid AND l.objid = 0 AND l.objsubid = 2
      AND l.granted
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
), sessions AS (
    SELECT a.pid, a.application_name, a.xact_start,
           (a.backend_type IS NULL AND a.usesysid IS NOT NULL) OR a.state = 'disabled' AS hidden,
           CASE WHEN a.state <> 'idle' THEN a.query_start END AS query_start
    FROM pg_catalog.pg_stat_activity a
    WHERE a.datname = current_database()
      AND a.pid <> pg_backend_pid()
      AND coalesce(a.backend_type, '') NOT IN ('walsender', 'autovacuum worker', 'autovacuum launcher')
      AND coalesce(a.leader_pid, a.pid) NOT IN (SELECT pid FROM ours)
      AND coalesce(a.leader_pid, a.pid) NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_vacuum)
), running AS (
    SELECT pid, application_name, least(xact_start, query_start) AS since FROM sessions
    WHERE xact_start IS NOT NULL OR query_start IS NOT NULL
)
SELECT clock.taken_at,
       least(clock.taken_at, (SELECT min(since) FROM running)) - $1::interval AS h,
       (SELECT pid FROM running ORDER BY since LIMIT 1) AS oldest_pid,
       (SELECT application_name FROM running ORDER BY since LIMIT 1) AS oldest_application,
       (SELECT since FROM running ORDER BY since LIMIT 1) AS oldest_since,
       (SELECT min(since) FROM running) < clock.taken_at - interval '15 minutes' AS held_back,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all,
       (SELECT min(pid) FROM sessions WHERE hidden) AS hidden_pid,
       current_setting('track_activities')::boolean AS tracked,
       pg_is_in_recovery() AS standby,
       EXISTS (SELECT FROM pg_catalog.pg_subscription s
               WHERE s.subenabled AND s.subdbid = (SELECT oid FROM pg_catalog.pg_database
                                                   WHERE datname = current_database())) AS subscriber,
       pg_last_xact_replay_timestamp() AS replayed_to,
       CASE WHEN pg_last_xact_replay_timestamp() IS NOT NULL
            THEN least(clock.taken_at, pg_last_xact_replay_timestamp()) - $1::interval END AS replayed,
       pg_last_xact_replay_timestamp() < clock.taken_at - interval '15 minutes' AS replay_behind
FROM clock
