-- oldest_binary: 0.1.0
-- A full update that goes on where it was cut short (rules R1 f and R5), and the settings that the
-- first one takes off an index while it fills it (rule R11).

CREATE TABLE esmigrate.full_load (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id bigint NOT NULL REFERENCES esmigrate.index_instance,
    action_id uuid NOT NULL REFERENCES esmigrate.index_action,
    index_uuid text NOT NULL,
    source_system_identifier bigint NOT NULL,
    source_database_oid bigint NOT NULL,
    source_lsn pg_lsn,
    source_timeline bigint NOT NULL,
    taken_at timestamptz,
    changed_through timestamptz,
    marks bigint[] NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('complete', 'abandoned')),
    CONSTRAINT ended_has_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX full_load_unfinished ON esmigrate.full_load (instance_id) WHERE ended_at IS NULL;
CREATE INDEX full_load_instance ON esmigrate.full_load (instance_id, started_at DESC);
COMMENT ON TABLE esmigrate.full_load IS 'A full update of an instance, which may take several actions when it is cut short; one unfinished at most per instance.';
COMMENT ON COLUMN esmigrate.full_load.id IS 'Key.';
COMMENT ON COLUMN esmigrate.full_load.instance_id IS 'The instance it fills.';
COMMENT ON COLUMN esmigrate.full_load.action_id IS 'The action that began it.';
COMMENT ON COLUMN esmigrate.full_load.index_uuid IS 'The engine index it writes to; with another one it is not gone on with.';
COMMENT ON COLUMN esmigrate.full_load.source_system_identifier IS 'The PostgreSQL cluster it reads; with another one it is not gone on with.';
COMMENT ON COLUMN esmigrate.full_load.source_database_oid IS 'The database it reads.';
COMMENT ON COLUMN esmigrate.full_load.source_lsn IS 'How far the source''s write-ahead log was when it began; null on a standby. With a shorter one it is not gone on with.';
COMMENT ON COLUMN esmigrate.full_load.source_timeline IS 'The timeline of the source when it began; on another one it is not gone on with.';
COMMENT ON COLUMN esmigrate.full_load.taken_at IS 'The source''s clock when it began; null where it is not known.';
COMMENT ON COLUMN esmigrate.full_load.changed_through IS 'Taken when it began, before the first write: what the instance''s changed_through will be. Null: none was to be had.';
COMMENT ON COLUMN esmigrate.full_load.marks IS 'Per shard the greatest _seq_no when it began: what nothing has written since may be gone from the source.';
COMMENT ON COLUMN esmigrate.full_load.started_at IS 'When it began.';
COMMENT ON COLUMN esmigrate.full_load.ended_at IS 'When it came to its end; null while ranges are left.';
COMMENT ON COLUMN esmigrate.full_load.outcome IS 'complete, or abandoned: the index was cleared, or another one was begun instead.';

CREATE TABLE esmigrate.load_range (
    load_id bigint NOT NULL REFERENCES esmigrate.full_load,
    number integer NOT NULL CHECK (number > 0),
    first_id text,
    end_id text,
    action_id uuid REFERENCES esmigrate.index_action,
    docs_indexed bigint,
    docs_deleted bigint,
    docs_rejected bigint,
    docs_superseded bigint,
    finished_at timestamptz,
    PRIMARY KEY (load_id, number),
    CONSTRAINT finished_by_action CHECK ((finished_at IS NULL) = (action_id IS NULL))
);
COMMENT ON TABLE esmigrate.load_range IS 'The parts of a full update by _id. Every document of a finished one was accepted or recorded as rejected.';
COMMENT ON COLUMN esmigrate.load_range.load_id IS 'The full update.';
COMMENT ON COLUMN esmigrate.load_range.number IS '1, 2, 3 ... in the order of _id.';
COMMENT ON COLUMN esmigrate.load_range.first_id IS 'Its first _id; null: from the beginning.';
COMMENT ON COLUMN esmigrate.load_range.end_id IS 'The _id it ends before; null: to the end.';
COMMENT ON COLUMN esmigrate.load_range.action_id IS 'The action that finished it; null while it is left to be done.';
COMMENT ON COLUMN esmigrate.load_range.docs_indexed IS 'Documents of it that the engine accepted.';
COMMENT ON COLUMN esmigrate.load_range.docs_deleted IS 'Deletes of it that the engine accepted.';
COMMENT ON COLUMN esmigrate.load_range.docs_rejected IS 'Documents of it that were refused for their content.';
COMMENT ON COLUMN esmigrate.load_range.docs_superseded IS 'Writes of it that a newer read had already overtaken.';
COMMENT ON COLUMN esmigrate.load_range.finished_at IS 'When it was finished.';

ALTER TABLE esmigrate.index_instance ADD COLUMN settings_to_restore jsonb
    CHECK (jsonb_typeof(settings_to_restore) = 'object');
COMMENT ON COLUMN esmigrate.index_instance.settings_to_restore IS 'Engine settings as they were before the first full update took them off; null: nothing is to be restored.';
