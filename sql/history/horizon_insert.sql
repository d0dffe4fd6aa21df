-- $1 system_identifier bigint, $2 database_oid bigint, $3 taken_at timestamptz, $4 h timestamptz, $5 overlap interval. Keeps a week: a prepared transaction older than that holds everything back anyway.
WITH old AS (
    DELETE FROM esmigrate.horizon WHERE taken_at < $3::timestamptz - interval '7 days'
)
INSERT INTO esmigrate.horizon (system_identifier, database_oid, taken_at, h, overlap)
VALUES ($1::bigint, $2::bigint, $3::timestamptz, $4::timestamptz, $5::interval)
ON CONFLICT DO NOTHING
