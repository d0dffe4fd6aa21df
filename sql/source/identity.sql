-- no parameters. Which database this is, whatever the connection string or the role; and its search_path.
SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) AS system_identifier,
       (SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = current_database()) AS database_oid,
       current_setting('search_path') AS search_path
