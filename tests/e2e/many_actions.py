"""A history of many actions, of twenty masters: for the tests of its size, and the benchmark."""

FILL_MASTERS = "INSERT INTO esmigrate.index_master (name) SELECT 'm' || n FROM generate_series(1, 20) n"

# Takes how many.
FILL_HISTORY = """
INSERT INTO esmigrate.index_action (id, master_id, action, mode, status, started_at, finished_at, argv, tool_version,
    os_user, host, pid)
SELECT gen_random_uuid(), (SELECT min(id) FROM esmigrate.index_master) + n %% 20,
    CASE WHEN n %% 1000 = 0 THEN 'activate' ELSE 'update' END, CASE WHEN n %% 1000 <> 0 THEN 'changed' END,
    CASE WHEN n %% 5000 = 0 THEN 'failed' ELSE 'complete' END,
    now() - n * interval '10 seconds', now() - n * interval '10 seconds' + interval '1 second',
    ARRAY['es_update', 'm'], '0.1.0', 'user', 'host', 1
FROM generate_series(1, %s) n
"""
