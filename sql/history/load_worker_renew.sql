-- $1 action_id uuid, $2 lease interval. The worker is alive; no row: another one has replaced it.
UPDATE esmigrate.load_worker w SET leased_until = clock_timestamp() + $2::interval
FROM esmigrate.index_action a
WHERE w.action_id = $1::uuid AND a.id = w.action_id AND a.status = 'running'
RETURNING w.action_id
