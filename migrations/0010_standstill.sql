-- oldest_binary: 0.1.0
-- A switch that was killed while indexing stood still, and one that nothing proved.

-- For the next switch, which resumes what the last one left stopped: few actions stop anything.
CREATE INDEX index_action_stopped ON esmigrate.index_action (master_id, started_at DESC) WHERE stopped_at IS NOT NULL;
COMMENT ON COLUMN esmigrate.index_action.stopped_at IS 'When the stop_indexing hook of a switch was called, by this action or by an earlier one that did not resume; null: there is none.';

COMMENT ON COLUMN esmigrate.verification.check_name IS 'Which check: ids, versions, counts, content, rejected, mapping, dynamic_fields, settings, query_results or query_latency; or all, skipped: a switch to an instance that was not verified.';
