-- $1 id uuid, $2 status text, $3 result text, $4 mode text, $5 indexed, $6 deleted, $7 rejected, $8 superseded, $9 sent, $10 retries, $11 bytes: bigint, $12 changed_from timestamptz, $13 changed_through timestamptz, $14 error text, $15 in_flight integer (null: nothing was sent)
WITH gone AS (
    DELETE FROM esmigrate.action_progress p USING esmigrate.index_action a
    WHERE p.action_id = $1::uuid AND a.id = p.action_id AND a.status = 'running'
)
UPDATE esmigrate.index_action
SET status = $2, finished_at = greatest(clock_timestamp(), started_at), result = $3, mode = $4,
    docs_indexed = $5::bigint, docs_deleted = $6::bigint, docs_rejected = $7::bigint,
    docs_superseded = $8::bigint, docs_sent = $9::bigint, retries = $10::bigint,
    bytes_sent = $11::bigint, changed_from = $12::timestamptz, changed_through = $13::timestamptz,
    error = $14, in_flight = $15::integer
WHERE id = $1::uuid AND status = 'running'
RETURNING extract(epoch FROM finished_at - started_at) AS seconds
