-- $1 system_identifier bigint, $2 database_oid bigint. Nothing is waited for any more.
DELETE FROM esmigrate.horizon
WHERE system_identifier = $1::bigint AND database_oid = $2::bigint AND h IS NULL
