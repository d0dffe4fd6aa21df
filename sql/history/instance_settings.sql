-- $1 instance_id bigint. The engine settings that are to be restored, or null (rule R11).
SELECT settings_to_restore::text AS settings FROM esmigrate.index_instance WHERE id = $1::bigint
