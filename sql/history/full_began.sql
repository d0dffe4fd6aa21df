-- $1 instance_id bigint. When the full update began that last filled the instance, with the first of the runs that it took; by the source's clock where that is known.
SELECT coalesce(taken_at, started_at) AS began_at
FROM esmigrate.full_load
WHERE instance_id = $1::bigint AND outcome = 'complete'
ORDER BY ended_at DESC
LIMIT 1
