-- $1 day timestamptz. Deletes, of the updates of that day that changed nothing, all but the last of each kind; the schema counts them. What is a part of another action than an update stays. A parent goes once its parts are gone: by the same statement again. Says how many it were.
WITH idle AS (
    SELECT a.id, row_number() OVER (
        PARTITION BY esmigrate.fold_key(a.started_at, a.instance_id, a.argv, a.tag, a.tool_version, a.os_user,
                                        a.host, a.db_user)
        ORDER BY a.started_at DESC, a.id) AS place
    FROM esmigrate.index_action a
    LEFT JOIN esmigrate.index_action p ON p.id = a.parent_id
    -- LIMIT: looked up by its index for each parent, not by a scan of all actions.
    LEFT JOIN LATERAL (SELECT c.id FROM esmigrate.index_action c WHERE c.parent_id = a.id LIMIT 1) part
        ON a.master_id IS NULL
    WHERE a.started_at >= $1::timestamptz AND a.started_at < $1::timestamptz + interval '1 day'
      AND esmigrate.changed_nothing(a)
      AND (p.id IS NULL OR p.action = 'update')
      AND NOT EXISTS (SELECT FROM esmigrate.action_fold f WHERE f.action_id = a.id)
      AND part.id IS NULL
), gone AS (
    DELETE FROM esmigrate.index_action a USING idle WHERE a.id = idle.id AND idle.place > 1 RETURNING a.id
)
SELECT count(*) AS folded FROM gone
