-- no parameters. Which database this is, whatever the connection string or the role; its search_path; and how far its past goes: the position in the write-ahead log (null on a standby, which may be behind another one) and the timeline.
SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) AS system_identifier,
       (SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = current_database()) AS database_oid,
       current_setting('search_path') AS search_path,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END AS lsn,
       (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()) AS timeline
