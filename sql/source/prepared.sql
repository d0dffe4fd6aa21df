-- no parameters. The oldest prepared transaction of this database; read after the horizon, in a later statement, so that one that was just prepared is seen in either. read_at is this statement's time: what was prepared before it may not have been seen by the horizon, what is prepared after it was.
SELECT now() AS read_at, min(prepared) AS since FROM pg_catalog.pg_prepared_xacts
WHERE database = current_database()
