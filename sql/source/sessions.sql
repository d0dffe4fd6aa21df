-- no parameters. One look of the grace period (rule R1 b): the sessions of this database that could have stamped a row, and whether each is in a transaction. One row at least, with a null pid when there is none. A hidden session shows neither its times nor its state; its virtual transaction everybody sees. Sessions that cannot stamp rows do not count, as in horizon.sql; hidden walsenders and autovacuum workers are known by what they still show.
WITH clock AS (
    SELECT now() AS looked_at
), alive AS MATERIALIZED (
    SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted
), ours AS (
    SELECT l.pid FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'advisory' AND l.classid = 1702066035::oid AND l.objid = 0 AND l.objsubid = 2
      AND l.granted
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
), sessions AS (
    SELECT a.pid, a.application_name,
           a.backend_type IS NULL OR coalesce(a.state, 'disabled') = 'disabled' AS hidden,
           a.pid IN (SELECT pid FROM alive) AS in_transaction,
           least(a.xact_start, CASE WHEN a.state <> 'idle' THEN a.query_start END) AS since
    FROM pg_catalog.pg_stat_activity a
    WHERE a.datname = current_database()
      AND a.usesysid IS NOT NULL
      AND a.pid <> pg_backend_pid()
      AND coalesce(a.backend_type, '') <> 'walsender'
      AND coalesce(a.leader_pid, a.pid) NOT IN (SELECT pid FROM ours)
      AND a.pid NOT IN (SELECT w.pid FROM pg_catalog.pg_stat_get_wal_senders() w WHERE w.pid IS NOT NULL)
      AND coalesce(a.leader_pid, a.pid) NOT IN (SELECT pid FROM pg_catalog.pg_stat_progress_vacuum)
)
SELECT clock.looked_at, (extract(epoch FROM clock.looked_at) * 1000000)::bigint AS looked_at_us,
       pg_postmaster_start_time() AS server_started,
       s.pid, coalesce(nullif(s.application_name, ''), 'unnamed') AS application, s.hidden,
       CASE WHEN s.hidden THEN s.in_transaction ELSE s.since IS NOT NULL END AS busy,
       (extract(epoch FROM s.since) * 1000000)::bigint AS since_us
FROM clock LEFT JOIN sessions s ON true
