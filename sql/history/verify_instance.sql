-- $1 instance_id bigint. Up to when the index has the changes, and the newest read version issued.
SELECT changed_through, read_version FROM esmigrate.index_instance WHERE id = $1::bigint
