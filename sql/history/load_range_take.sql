-- $1 action_id uuid, $2 load_id bigint. The next range that is free, for a worker that is at work. MATERIALIZED: a nested loop would run it again for every range, and take a further one each time. The status is asked for in an expression: NOT EXISTS would become a join, which PostgreSQL does not look at again for a row that another worker took meanwhile.
WITH free AS MATERIALIZED (
    SELECT f.load_id, f.number FROM esmigrate.load_range f
    JOIN esmigrate.full_load l ON l.id = f.load_id AND l.ended_at IS NULL
    WHERE f.load_id = $2::bigint AND f.finished_at IS NULL
      AND (SELECT t.status FROM esmigrate.index_action t WHERE t.id = f.taken_by) IS DISTINCT FROM 'running'
    ORDER BY f.number
    LIMIT 1
    FOR UPDATE OF f SKIP LOCKED
)
UPDATE esmigrate.load_range r SET taken_by = mine.id
FROM esmigrate.index_action mine, free
WHERE mine.id = $1::uuid AND mine.status = 'running' AND r.load_id = free.load_id AND r.number = free.number
RETURNING r.number, r.first_id, r.end_id
