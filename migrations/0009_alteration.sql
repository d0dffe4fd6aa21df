-- oldest_binary: 0.1.0
-- Changes of an instance in place: what es_create --in-place gave an index that was there.

CREATE TABLE esmigrate.index_alteration (
    action_id uuid PRIMARY KEY REFERENCES esmigrate.index_action,
    instance_id bigint NOT NULL REFERENCES esmigrate.index_instance,
    body_before text NOT NULL,
    body_after text NOT NULL,
    fingerprint_before text NOT NULL,
    fingerprint_after text NOT NULL,
    settings_before jsonb NOT NULL CHECK (jsonb_typeof(settings_before) = 'object'),
    settings_after jsonb NOT NULL CHECK (jsonb_typeof(settings_after) = 'object'),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('applied', 'undone')),
    CONSTRAINT ended_has_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX index_alteration_instance ON esmigrate.index_alteration (instance_id, started_at DESC);
COMMENT ON TABLE esmigrate.index_alteration IS 'A change of an instance in place: es_create --in-place gives the newest instance new fields and settings instead of making another one.';
COMMENT ON COLUMN esmigrate.index_alteration.action_id IS 'The action; the same id stands in mappings._meta.esmigrate.altered of an index that has the change.';
COMMENT ON COLUMN esmigrate.index_alteration.instance_id IS 'The instance that is changed.';
COMMENT ON COLUMN esmigrate.index_alteration.body_before IS 'index.json as the instance had it.';
COMMENT ON COLUMN esmigrate.index_alteration.body_after IS 'index.json as it was declared then.';
COMMENT ON COLUMN esmigrate.index_alteration.fingerprint_before IS 'Of the instance before.';
COMMENT ON COLUMN esmigrate.index_alteration.fingerprint_after IS 'Of the declaration.';
COMMENT ON COLUMN esmigrate.index_alteration.settings_before IS 'The settings that change, as they were.';
COMMENT ON COLUMN esmigrate.index_alteration.settings_after IS 'The settings that change, as they are to be.';
COMMENT ON COLUMN esmigrate.index_alteration.started_at IS 'When it began.';
COMMENT ON COLUMN esmigrate.index_alteration.ended_at IS 'When it was settled; null: what the engine did is not known yet.';
COMMENT ON COLUMN esmigrate.index_alteration.outcome IS 'applied, or undone: the index is as it was before.';

COMMENT ON COLUMN esmigrate.index_action.result IS 'created, unchanged, recreated, altered_in_place, activated, already_active, dropped or cleared; null for other actions and for failed ones.';
COMMENT ON COLUMN esmigrate.index_instance.body IS 'index.json as it was declared when the instance was created, or last altered in place.';
