-- $1 system_identifier bigint, $2 database_oid bigint. The moment whose transactions are waited for (rule R1 b), a row for each session that may still be in one.
SELECT h.taken_at, (extract(epoch FROM h.taken_at) * 1000000)::bigint AS taken_at_us,
       h.server_started, w.pid
FROM esmigrate.horizon h LEFT JOIN LATERAL unnest(h.waits_for) w(pid) ON true
WHERE h.system_identifier = $1::bigint AND h.database_oid = $2::bigint AND h.h IS NULL
