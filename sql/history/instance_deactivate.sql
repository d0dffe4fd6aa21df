-- $1 instance_id bigint. No master has it as its active instance any more.
UPDATE esmigrate.index_master SET active_instance_id = NULL WHERE active_instance_id = $1::bigint
