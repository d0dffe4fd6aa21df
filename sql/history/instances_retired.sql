-- $1 master_id bigint, $2 interval text, $3 retain bigint. The live instances older than the active one that were active last, or could have been, so long ago, without so many that were active last and without a kept one. One that never was active is retired since the active one is active.
SELECT id
FROM (
    SELECT i.id, i.number, i.kept_until,
           coalesce(i.deactivated_at, active.activated_at, clock_timestamp()) AS retired_at,
           row_number() OVER (ORDER BY i.deactivated_at DESC NULLS LAST, i.number DESC) AS place
    FROM esmigrate.index_master m
    JOIN esmigrate.index_instance active ON active.id = m.active_instance_id
    JOIN esmigrate.index_instance i ON i.master_id = m.id AND i.number < active.number
    WHERE m.id = $1::bigint AND i.state <> 'dropped' AND i.index_uuid IS NOT NULL
) older
WHERE place > $3::bigint
  AND retired_at <= clock_timestamp() - $2::interval
  AND (kept_until IS NULL OR kept_until <= clock_timestamp())
ORDER BY number
