-- $1 oid[]: types. Those of them that are enums, and that no function of the user's makes json of.
SELECT t.oid
FROM pg_catalog.pg_type t
WHERE t.oid = ANY ($1::pg_catalog.oid[])
    AND t.typtype = 'e'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_cast c
        WHERE c.castsource = t.oid AND c.casttarget = 'pg_catalog.json'::pg_catalog.regtype
    )
