-- $1 action_id uuid. Issues the next read version (rule R3): greater than every former one, and the history's clock in microseconds when that is greater.
UPDATE esmigrate.index_instance i
SET read_version = greatest(i.read_version + 1,
                            (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
FROM esmigrate.index_action a
WHERE a.id = $1::uuid AND a.status = 'running' AND i.id = a.instance_id
RETURNING i.read_version
