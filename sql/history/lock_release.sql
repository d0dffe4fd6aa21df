-- $1 class integer, $2 object integer
SELECT pg_catalog.pg_advisory_unlock($1::integer, $2::integer)
