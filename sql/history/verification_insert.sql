-- $1 action_id uuid, $2 attempt integer, $3 check_name text, $4 severity text, $5 verdict text, $6 numbers jsonb, $7 samples jsonb. What a check of a running action found.
INSERT INTO esmigrate.verification (action_id, attempt, check_name, severity, verdict, numbers, samples)
SELECT id, $2::integer, $3, $4, $5, $6::jsonb, $7::jsonb FROM esmigrate.index_action
WHERE id = $1::uuid AND status = 'running'
RETURNING check_name
