-- $1 tracker text, $2 up_to timestamptz. How many records would be pruned.
SELECT count(*) AS removed, (SELECT t.pruned_up_to FROM esmigrate_source.tracker t WHERE t.name = $1) AS pruned_up_to
FROM esmigrate_source.change c
WHERE c.tracker = $1 AND c.changed_at < $2::timestamptz
