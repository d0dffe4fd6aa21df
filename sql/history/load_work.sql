-- $1 action_id uuid, $2 load_id bigint. How a full update stands for a worker: no row once that was replaced.
SELECT l.ended_at IS NOT NULL AS ended,
       (SELECT count(*) FROM esmigrate.load_range r WHERE r.load_id = l.id AND r.finished_at IS NULL) AS unfinished,
       (SELECT coalesce(sum(r.docs_indexed), 0) FROM esmigrate.load_range r WHERE r.load_id = l.id) AS indexed,
       w.earlier, w.others, w.cut_short
FROM esmigrate.full_load l
JOIN esmigrate.index_action mine ON mine.id = $1::uuid AND mine.status = 'running'
JOIN esmigrate.load_worker me ON me.action_id = mine.id AND me.load_id = l.id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.status = 'running' AND w.writer_epoch < me.writer_epoch) AS earlier,
           count(*) FILTER (WHERE w.action_id <> me.action_id) AS others,
           count(*) FILTER (WHERE a.status IN ('failed', 'interrupted')) AS cut_short
    FROM esmigrate.load_worker w JOIN esmigrate.index_action a ON a.id = w.action_id
    WHERE w.load_id = l.id
) w
WHERE l.id = $2::bigint
