-- $1 instance_id bigint. When the load began that last filled the instance: with the first of the runs that it took, since one that did not come to its end may have been gone on with. A run that failed before it knew to be a full one was none of them.
WITH done AS (
    SELECT a.mode, a.started_at, lag(a.started_at) OVER (ORDER BY a.started_at) AS before
    FROM esmigrate.index_action a
    WHERE a.instance_id = $1::bigint AND a.action = 'update' AND a.status IN ('complete', 'partial')
), filled AS (
    SELECT started_at, before FROM done WHERE mode = 'full' ORDER BY started_at DESC LIMIT 1
)
SELECT min(a.started_at) AS began_at
FROM filled f
JOIN esmigrate.index_action a ON a.instance_id = $1::bigint AND a.action = 'update'
    AND a.started_at <= f.started_at AND (f.before IS NULL OR a.started_at > f.before)
    AND (a.status <> 'failed' OR a.mode = 'full')
