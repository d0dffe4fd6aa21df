-- no parameters. Whether any instance is alive.
SELECT EXISTS (SELECT FROM esmigrate.index_instance WHERE state <> 'dropped') AS present
