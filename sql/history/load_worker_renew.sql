-- $1 action_id uuid, $2 lease interval. The worker is alive; no row: another one has replaced it. Also, how many documents the ranges account for that other actions have finished.
UPDATE esmigrate.load_worker w SET leased_until = clock_timestamp() + $2::interval
FROM esmigrate.index_action a
WHERE w.action_id = $1::uuid AND a.id = w.action_id AND a.status = 'running'
RETURNING w.action_id,
    (SELECT coalesce(sum(r.docs_indexed + r.docs_deleted + r.docs_rejected + r.docs_superseded), 0)::bigint
     FROM esmigrate.load_range r WHERE r.load_id = w.load_id AND r.action_id <> w.action_id) AS documents_of_others
