-- $1 one pg_lsn, $2 other pg_lsn
SELECT $1::pg_lsn > $2::pg_lsn AS after
