-- $1 tracker text, $2 up_to timestamptz. Removes records, and in the same transaction tells all who may look for them.
WITH gone AS (
    DELETE FROM esmigrate_source.change WHERE tracker = $1 AND changed_at < $2::timestamptz RETURNING 1
), counted AS (
    SELECT count(*) AS removed, CASE WHEN count(*) > 0 THEN $2::timestamptz END AS up_to FROM gone
), mark AS (
    UPDATE esmigrate_source.tracker t SET pruned_up_to = greatest(t.pruned_up_to, c.up_to)
    FROM counted c WHERE t.name = $1 AND c.removed > 0
)
SELECT c.removed, greatest(t.pruned_up_to, c.up_to) AS pruned_up_to
FROM counted c, esmigrate_source.tracker t
WHERE t.name = $1
