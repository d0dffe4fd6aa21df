-- $1 changed_through timestamptz, $2 overlap interval. Whether a standby may lack changes up to that time, and up to when it has them (null: it has replayed no commit since its start).
SELECT pg_is_in_recovery() AND (replayed >= $1::timestamptz) IS NOT TRUE AS behind, replayed
FROM (SELECT CASE WHEN pg_last_xact_replay_timestamp() IS NOT NULL
                  THEN least(now(), pg_last_xact_replay_timestamp()) - $2::interval END AS replayed) s
