-- $1 master text (null: all). The trackers of this database.
SELECT t.name, t.master, t.source_table, t.pruned_up_to
FROM esmigrate_source.tracker t
WHERE $1::text IS NULL OR t.master = $1
ORDER BY t.master, t.name
