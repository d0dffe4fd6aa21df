-- $1 id uuid, $2 parent_id uuid, $3 master_id bigint, $4 instance_id bigint, $5 action text, $6 argv text[], $7 tag text, $8 tool_version text, $9 os_user text, $10 host text, $11 pid integer, $12 status text, $13 error text. One closed row: as a running one, another command would take it for crashed, since no lock is held for it.
INSERT INTO esmigrate.index_action
    (id, parent_id, master_id, instance_id, action, argv, tag, tool_version, os_user, host, pid, status, error, started_at, finished_at)
SELECT $1::uuid, $2::uuid, $3::bigint, $4::bigint, $5, $6::text[], $7, $8, $9, $10, $11::integer, $12, $13, now, now
FROM clock_timestamp() AS now
