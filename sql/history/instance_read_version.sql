-- $1 instance_id bigint. The newest read version issued.
SELECT read_version FROM esmigrate.index_instance WHERE id = $1::bigint
