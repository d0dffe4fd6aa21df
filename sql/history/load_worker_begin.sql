-- $1 action_id uuid, $2 load_id bigint, $3 joins boolean, $4 lease interval. A running action begins to work at a full update; one that joins gets an epoch, and with it a write alias, of its own (rule R2).
WITH mine AS (
    SELECT a.id, a.instance_id FROM esmigrate.index_action a
    JOIN esmigrate.full_load l ON l.id = $2::bigint AND l.instance_id = a.instance_id AND l.ended_at IS NULL
    WHERE a.id = $1::uuid AND a.status = 'running'
), raised AS (
    UPDATE esmigrate.index_instance i SET writer_epoch = i.writer_epoch + $3::boolean::integer
    FROM mine WHERE i.id = mine.instance_id
    RETURNING i.writer_epoch
)
INSERT INTO esmigrate.load_worker (action_id, load_id, writer_epoch, leased_until)
SELECT mine.id, $2::bigint, raised.writer_epoch, clock_timestamp() + $4::interval FROM mine, raised
RETURNING writer_epoch
