-- no parameters. The process of the server that this statement runs in: behind a pooler of transactions it may be another one each time.
SELECT pg_backend_pid() AS pid
