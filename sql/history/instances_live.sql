-- no parameters. The instances that are alive, by master and number. Only what the first migration has: es_init reads it before the upgrade.
SELECT m.name AS master, i.number, i.index_name
FROM esmigrate.index_instance i
JOIN esmigrate.index_master m ON m.id = i.master_id
WHERE i.state <> 'dropped'
ORDER BY m.name, i.number
