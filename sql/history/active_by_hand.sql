-- $1 master_id bigint. When it was noticed, if the active instance became that by hand: in a run that found the alias moved and switched nothing. No switch to it has come to its end since, or moved the alias itself.
SELECT i.activated_at AS noticed_at
FROM esmigrate.index_master m
JOIN esmigrate.index_instance i ON i.id = m.active_instance_id
WHERE m.id = $1::bigint
  AND EXISTS (
    SELECT FROM esmigrate.index_action n
    WHERE n.master_id = m.id AND n.action IN ('activate', 'rollback') AND n.status = 'failed' AND n.result IS NULL
      AND n.started_at <= i.activated_at AND n.finished_at >= i.activated_at)
  AND NOT EXISTS (
    SELECT FROM esmigrate.index_action s
    WHERE s.master_id = m.id AND s.instance_id = i.id AND s.action IN ('activate', 'rollback')
      AND (s.status IN ('complete', 'interrupted') OR s.result IS NOT NULL)
      AND s.finished_at >= i.activated_at)
