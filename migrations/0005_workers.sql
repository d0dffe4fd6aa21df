-- oldest_binary: 0.1.0
-- Full updates that several processes work at.

CREATE TABLE esmigrate.load_worker (
    action_id uuid PRIMARY KEY REFERENCES esmigrate.index_action,
    load_id bigint NOT NULL REFERENCES esmigrate.full_load,
    writer_epoch integer NOT NULL,
    leased_until timestamptz NOT NULL
);
CREATE INDEX load_worker_load ON esmigrate.load_worker (load_id);
COMMENT ON TABLE esmigrate.load_worker IS 'The actions that worked at a full update, each with a write alias of its own. One whose action is running is at work, or dead.';
COMMENT ON COLUMN esmigrate.load_worker.action_id IS 'The action. While it works it holds an advisory lock of its own, the hash of this id.';
COMMENT ON COLUMN esmigrate.load_worker.load_id IS 'The full update.';
COMMENT ON COLUMN esmigrate.load_worker.writer_epoch IS 'The epoch in the name of its write alias. The one with the lowest that is at work brings the full update to its end.';
COMMENT ON COLUMN esmigrate.load_worker.leased_until IS 'By the history''s clock; it goes on while the worker does. After it the others may take the worker for dead.';

ALTER TABLE esmigrate.load_range ADD COLUMN taken_by uuid REFERENCES esmigrate.load_worker;
COMMENT ON COLUMN esmigrate.load_range.taken_by IS 'The action that took it last. An unfinished range is free when that one is not running.';
COMMENT ON COLUMN esmigrate.index_action.result IS 'created, unchanged, recreated, activated, already_active, dropped, cleared, or joined: worked at a full update that another action brings to its end; null for other actions and for failed ones.';
