-- $1 master_id bigint. Documents a second of the newest full update of this master that took long enough to tell.
SELECT docs_sent / extract(epoch FROM finished_at - started_at) AS docs_per_second
FROM esmigrate.index_action
WHERE master_id = $1::bigint AND action = 'update' AND mode = 'full' AND status IN ('complete', 'partial')
  AND finished_at - started_at >= interval '1 second' AND docs_sent > 0
ORDER BY started_at DESC
LIMIT 1
