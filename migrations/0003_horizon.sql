-- oldest_binary: 0.1.0
-- The horizon of a source whose other sessions hide their times, and what tells a source that was
-- set back from one that went on.

ALTER TABLE esmigrate.horizon
    ALTER COLUMN h DROP NOT NULL,
    ADD COLUMN overlap interval NOT NULL DEFAULT '0' CHECK (overlap >= '0'),
    ADD COLUMN server_started timestamptz,
    ADD COLUMN waits_for integer[],
    ADD CONSTRAINT found_or_waiting
        CHECK ((h IS NULL) = (waits_for IS NOT NULL) AND (h IS NULL) = (server_started IS NOT NULL));
COMMENT ON TABLE esmigrate.horizon IS 'Moments of a source up to which nothing that was still running could have stamped a row; and, while other sessions hide their times, the moment whose transactions are waited for.';
COMMENT ON COLUMN esmigrate.horizon.taken_at IS 'The source''s clock when h was found; while h is null, the moment whose transactions are waited for.';
COMMENT ON COLUMN esmigrate.horizon.h IS 'Every transaction that stamped rows before it had ended by taken_at, but for prepared ones. Null while that is waited for.';
COMMENT ON COLUMN esmigrate.horizon.overlap IS 'How much of it was taken off h for times that are published late.';
COMMENT ON COLUMN esmigrate.horizon.server_started IS 'When the source''s server was started, while h is null: after a restart there is nothing to wait for.';
COMMENT ON COLUMN esmigrate.horizon.waits_for IS 'Process ids of the sessions that may still be in a transaction of taken_at; null once h is known.';

-- A source has at most one moment that is waited for.
CREATE UNIQUE INDEX horizon_waiting ON esmigrate.horizon (system_identifier, database_oid)
    WHERE h IS NULL;

ALTER TABLE esmigrate.index_instance
    ADD COLUMN source_lsn pg_lsn,
    ADD COLUMN source_timeline bigint,
    ADD COLUMN source_clock timestamptz,
    ADD COLUMN source_clock_boot text,
    ADD COLUMN source_clock_uptime bigint;
COMMENT ON COLUMN esmigrate.index_instance.source_lsn IS 'How far the source''s write-ahead log was when the last update began; null when it was read from a standby. A source that is behind it was set back.';
COMMENT ON COLUMN esmigrate.index_instance.source_timeline IS 'The timeline of the source at the last full update. A restore to a point in time and a promotion begin another one.';
COMMENT ON COLUMN esmigrate.index_instance.source_clock IS 'What the source''s clock said at the last update; null when it was read from a standby.';
COMMENT ON COLUMN esmigrate.index_instance.source_clock_boot IS 'Which boot of which machine looked at the clock.';
COMMENT ON COLUMN esmigrate.index_instance.source_clock_uptime IS 'Microseconds since that boot, when it looked: if the source''s clock has gone on less than this one, it was set back.';
