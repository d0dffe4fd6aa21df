-- no parameters. Running actions that stand for several others; every other action has a master.
SELECT id, pg_catalog.hashtext(id::text) AS object FROM esmigrate.index_action
WHERE status = 'running' AND master_id IS NULL
