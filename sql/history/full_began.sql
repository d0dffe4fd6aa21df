-- $1 instance_id bigint, $2 tracker text. When the full update began that last filled the instance, with the first of the runs that it took, by the source's clock where that is known; and whether the source had that tracker then, null: not known.
SELECT coalesce(taken_at, started_at) AS began_at, $2::text = ANY (trackers) AS saw_tracker
FROM esmigrate.full_load
WHERE instance_id = $1::bigint AND outcome = 'complete'
ORDER BY ended_at DESC
LIMIT 1
