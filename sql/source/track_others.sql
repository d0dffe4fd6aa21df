-- $1 table text, $2 name text, $3 master text. Whether this tracker is there, and another one of the same master on the same table.
SELECT t.name, t.id_expression, t.name = $2 AS same
FROM esmigrate_source.tracker t
WHERE t.source_table = $1 AND t.master = $3
ORDER BY t.name = $2 DESC, t.began_at
