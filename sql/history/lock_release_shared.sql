-- $1 class integer, $2 object integer
SELECT pg_catalog.pg_advisory_unlock_shared($1::integer, $2::integer)
