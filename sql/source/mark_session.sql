-- no parameters. Marks this session as ours for the horizon of others (rule R1 a).
SELECT pg_catalog.pg_try_advisory_lock_shared(1702066035, 0)
