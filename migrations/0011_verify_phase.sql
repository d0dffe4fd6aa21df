-- oldest_binary: 0.1.0
-- A verification tells how far it is, as an update does.

ALTER TABLE esmigrate.action_progress DROP CONSTRAINT action_progress_phase_check;
ALTER TABLE esmigrate.action_progress ADD CONSTRAINT action_progress_phase_check
    CHECK (phase IN ('prepare', 'load', 'sweep', 'refresh', 'restore', 'merge', 'verify'));
COMMENT ON COLUMN esmigrate.action_progress.phase IS 'prepare, load, sweep (what the source no longer has is removed), refresh, restore (of refresh and replicas), merge (--force-merge), or verify (the index is compared with its source).';
COMMENT ON COLUMN esmigrate.action_progress.documents_done IS 'Documents sent and accounted for, those of finished ranges of an update that was cut short included; of a verification: compared.';

COMMENT ON COLUMN esmigrate.verification.check_name IS 'Which check: ids, versions, counts, content, unstable_fields, rejected, mapping, dynamic_fields, settings, query_results or query_latency; or all, skipped: a switch to an instance that was not verified.';
