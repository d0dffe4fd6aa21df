-- $1 system_identifier bigint, $2 database_oid bigint, $3 taken_at timestamptz, $4 server_started timestamptz, $5 waits_for integer[]. Waits for the transactions of that moment from now on, unless another run waits for those of a later one.
INSERT INTO esmigrate.horizon AS h (system_identifier, database_oid, taken_at, server_started, waits_for)
VALUES ($1::bigint, $2::bigint, $3::timestamptz, $4::timestamptz, $5::integer[])
ON CONFLICT (system_identifier, database_oid) WHERE h IS NULL DO UPDATE
SET taken_at = EXCLUDED.taken_at, server_started = EXCLUDED.server_started, waits_for = EXCLUDED.waits_for
WHERE h.taken_at <= EXCLUDED.taken_at
