-- no parameters. The oldest prepared transaction of this database; read after the horizon, in a later statement, so that one that was just prepared is seen in either.
SELECT min(prepared) AS since FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
