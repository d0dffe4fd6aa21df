-- $1 system_identifier bigint, $2 database_oid bigint, $3 before timestamptz (null: at any time), $4 overlap interval, $5 limit timestamptz (null: none). The newest horizon found before that moment, less the overlap of the one who asks and not beyond the limit; null if there is none.
SELECT least(max(h + overlap) - $4::interval, CASE WHEN count(h) > 0 THEN $5::timestamptz END) AS h
FROM esmigrate.horizon
WHERE system_identifier = $1::bigint AND database_oid = $2::bigint
  AND ($3::timestamptz IS NULL OR taken_at < $3::timestamptz)
