-- $1 instance_id bigint, $2 tracker text, $3 began_at timestamptz, when that began to record. Of the full update that last filled the instance: whether the source had the tracker when it began, null: not known; and whether it began, with the first of the runs that it took, before the tracker did, by the source's clock where that is known.
SELECT $2::text = ANY (trackers) AS saw_tracker, coalesce(taken_at, started_at) < $3::timestamptz AS before_tracker
FROM esmigrate.full_load
WHERE instance_id = $1::bigint AND outcome = 'complete'
ORDER BY ended_at DESC
LIMIT 1
