-- oldest_binary: 0.1.0
-- The switch: what stood still for it, and the instance that was active before.

ALTER TABLE esmigrate.index_action
    ADD COLUMN stopped_at timestamptz,
    ADD COLUMN resumed_at timestamptz,
    ADD CONSTRAINT resumed_after_stop CHECK (resumed_at IS NULL OR stopped_at <= resumed_at);
COMMENT ON COLUMN esmigrate.index_action.stopped_at IS 'When the stop_indexing hook of a switch was called; null: there is none.';
COMMENT ON COLUMN esmigrate.index_action.resumed_at IS 'When its resume_indexing hook had ended well. The time between is how long indexing stood still; null while stopped_at is not: it may still do.';

ALTER TABLE esmigrate.index_instance
    ADD COLUMN deactivated_at timestamptz,
    ADD COLUMN kept_until timestamptz;
COMMENT ON COLUMN esmigrate.index_instance.deactivated_at IS 'When the alias left it for another one, or was taken off; null: it never did.';
COMMENT ON COLUMN esmigrate.index_instance.kept_until IS 'So long every es_update of the active instance updates this one too, so that es_rollback finds it fresh; null: it is not kept.';
