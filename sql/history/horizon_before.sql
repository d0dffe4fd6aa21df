-- $1 system_identifier bigint, $2 database_oid bigint, $3 before timestamptz. The newest horizon found before a transaction was prepared.
SELECT max(h) AS h FROM esmigrate.horizon
WHERE system_identifier = $1::bigint AND database_oid = $2::bigint AND taken_at < $3::timestamptz
