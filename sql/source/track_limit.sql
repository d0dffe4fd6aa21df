-- $1 keep interval, $2 behind timestamptz (null: nothing is read any more). Up to when records may be removed, and whether their age is what limits it.
SELECT least(a.old, $2::timestamptz) AS up_to, $2::timestamptz < a.old AS held
FROM (SELECT clock_timestamp() - $1::interval AS old) a
