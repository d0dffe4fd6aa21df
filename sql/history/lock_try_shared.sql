-- $1 class integer, $2 object integer
SELECT pg_catalog.pg_try_advisory_lock_shared($1::integer, $2::integer) AS locked
