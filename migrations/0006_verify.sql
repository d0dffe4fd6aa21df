-- oldest_binary: 0.1.0
-- What es_verify found.

CREATE TABLE esmigrate.verification (
    action_id uuid NOT NULL REFERENCES esmigrate.index_action,
    attempt integer NOT NULL CHECK (attempt > 0),
    check_name text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'warning', 'info')),
    verdict text NOT NULL CHECK (verdict IN ('ok', 'failed', 'skipped')),
    numbers jsonb NOT NULL CHECK (jsonb_typeof(numbers) = 'object'),
    samples jsonb NOT NULL CHECK (jsonb_typeof(samples) = 'array'),
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (action_id, attempt, check_name)
);
COMMENT ON TABLE esmigrate.verification IS 'What es_verify found: a row for each check.';
COMMENT ON COLUMN esmigrate.verification.action_id IS 'The action that checked.';
COMMENT ON COLUMN esmigrate.verification.attempt IS '1, and 2 of what was checked again after a repair.';
COMMENT ON COLUMN esmigrate.verification.check_name IS 'Which check: ids, versions, counts, content, rejected, mapping, dynamic_fields, settings, query_results or query_latency.';
COMMENT ON COLUMN esmigrate.verification.severity IS 'critical: when it fails, so does es_verify; warning; or info.';
COMMENT ON COLUMN esmigrate.verification.verdict IS 'ok, failed or skipped.';
COMMENT ON COLUMN esmigrate.verification.numbers IS 'What was counted or measured; names and meaning belong to the check.';
COMMENT ON COLUMN esmigrate.verification.samples IS 'Some of what was found: objects with the id of a document, or the name of a field, setting or query, and what is wrong with it.';
COMMENT ON COLUMN esmigrate.verification.checked_at IS 'When the check had come to its end.';
