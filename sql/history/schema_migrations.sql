-- no parameters. The applied migrations, oldest first.
SELECT version, name, sha256 FROM esmigrate.schema_migration ORDER BY version
