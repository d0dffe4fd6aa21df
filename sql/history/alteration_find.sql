-- $1 action_id uuid. The change in place that this action had begun, if what became of it is not known yet.
SELECT t.settings_before::text AS settings_before, i.index_name, i.index_uuid
FROM esmigrate.index_alteration t
JOIN esmigrate.index_instance i ON i.id = t.instance_id
WHERE t.action_id = $1::uuid AND t.ended_at IS NULL
