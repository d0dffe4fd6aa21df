-- $1 action_id uuid, $2 load_id bigint, $3 number integer, $4 indexed, $5 deleted, $6 rejected, $7 superseded: bigint. Every document of the range is accounted for.
UPDATE esmigrate.load_range r
SET action_id = a.id, finished_at = clock_timestamp(), docs_indexed = $4::bigint,
    docs_deleted = $5::bigint, docs_rejected = $6::bigint, docs_superseded = $7::bigint
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND r.load_id = $2::bigint AND r.number = $3::integer
  AND r.taken_by = a.id
RETURNING r.number
