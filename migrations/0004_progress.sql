-- oldest_binary: 0.1.0
-- How far a run is, for whoever looks from elsewhere; and how many requests in flight it found best.

-- Written every second: room in the page lets a new version of a row stand beside the old one (HOT).
CREATE TABLE esmigrate.action_progress (
    action_id uuid PRIMARY KEY REFERENCES esmigrate.index_action,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    phase text NOT NULL CHECK (phase IN ('prepare', 'load', 'sweep', 'refresh', 'restore', 'merge')),
    documents_done bigint NOT NULL CHECK (documents_done >= 0),
    documents_total bigint CHECK (documents_total >= 0),
    is_estimate boolean,
    docs_per_second bigint NOT NULL CHECK (docs_per_second >= 0),
    bytes_per_second bigint NOT NULL CHECK (bytes_per_second >= 0),
    bytes_sent bigint NOT NULL CHECK (bytes_sent >= 0),
    in_flight integer NOT NULL CHECK (in_flight >= 0),
    in_flight_limit integer NOT NULL CHECK (in_flight_limit >= 0),
    retries bigint NOT NULL CHECK (retries >= 0),
    rejected bigint NOT NULL CHECK (rejected >= 0),
    eta_seconds bigint CHECK (eta_seconds >= 0),
    CONSTRAINT total_is_known CHECK ((documents_total IS NULL) = (is_estimate IS NULL))
) WITH (fillfactor = 50);
COMMENT ON TABLE esmigrate.action_progress IS 'How far a running update is, written by itself every second after its first one. The row goes when the action is closed, since that has the totals; of one that crashed it stays: nothing else says how far that was.';
COMMENT ON COLUMN esmigrate.action_progress.action_id IS 'The action.';
COMMENT ON COLUMN esmigrate.action_progress.written_at IS 'When. Of a run that is alive it is a second or two ago, unless a server is silent.';
COMMENT ON COLUMN esmigrate.action_progress.phase IS 'prepare, load, sweep (what the source no longer has is removed), refresh, restore (of refresh and replicas), or merge (--force-merge).';
COMMENT ON COLUMN esmigrate.action_progress.documents_done IS 'Documents sent and accounted for, those of finished ranges of an update that was cut short included.';
COMMENT ON COLUMN esmigrate.action_progress.documents_total IS 'Documents that are expected; null: not known.';
COMMENT ON COLUMN esmigrate.action_progress.is_estimate IS 'Whether documents_total is the planner''s estimate; null: there is none.';
COMMENT ON COLUMN esmigrate.action_progress.docs_per_second IS 'Over the last ten seconds.';
COMMENT ON COLUMN esmigrate.action_progress.bytes_per_second IS 'Of bulk bodies, over the last ten seconds.';
COMMENT ON COLUMN esmigrate.action_progress.bytes_sent IS 'Of bulk bodies, repeats included.';
COMMENT ON COLUMN esmigrate.action_progress.in_flight IS 'Requests that the engine has not answered yet.';
COMMENT ON COLUMN esmigrate.action_progress.in_flight_limit IS 'So many may be in flight at that moment.';
COMMENT ON COLUMN esmigrate.action_progress.retries IS 'Documents sent again because the engine was busy or did not answer.';
COMMENT ON COLUMN esmigrate.action_progress.rejected IS 'Documents refused for their content.';
COMMENT ON COLUMN esmigrate.action_progress.eta_seconds IS 'Seconds until all documents are done, at that rate; null: not known.';

ALTER TABLE esmigrate.index_action ADD COLUMN in_flight integer CHECK (in_flight > 0);
COMMENT ON COLUMN esmigrate.index_action.in_flight IS 'Of an update: so many requests were allowed in flight when it ended; null: it sent none.';
