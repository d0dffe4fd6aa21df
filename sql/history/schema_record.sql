-- $1 version integer, $2 name text, $3 sha256 text, $4 oldest_binary text
INSERT INTO esmigrate.schema_migration (version, name, sha256, oldest_binary)
VALUES ($1::integer, $2, $3, $4)
