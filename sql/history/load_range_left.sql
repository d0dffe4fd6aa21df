-- $1 load_id bigint. The ranges that are left to be done, in order.
SELECT number, first_id, end_id FROM esmigrate.load_range
WHERE load_id = $1::bigint AND finished_at IS NULL
ORDER BY number
