-- $1 system_identifier bigint, $2 database_oid bigint, $3 clock timestamptz. What was found at a later time than now was found before the source's clock was set back: it says nothing about rows stamped since. A second is what two runs at a time may differ by.
DELETE FROM esmigrate.horizon
WHERE system_identifier = $1::bigint AND database_oid = $2::bigint
  AND EXISTS (SELECT FROM esmigrate.horizon later
              WHERE later.system_identifier = $1::bigint AND later.database_oid = $2::bigint
                AND later.taken_at > $3::timestamptz + interval '1 second')
