-- oldest_binary: 0.1.0
-- es_prune: runs of es_update that changed nothing are folded, and indexes without an instance are named.

ALTER TABLE esmigrate.index_action ADD COLUMN index_name text;
COMMENT ON COLUMN esmigrate.index_action.index_name IS 'The engine index an es_prune deleted that was no instance''s; null of all other actions, whose index is their instance''s.';

CREATE TABLE esmigrate.action_fold (
    action_id uuid PRIMARY KEY REFERENCES esmigrate.index_action,
    runs bigint NOT NULL CHECK (runs > 0),
    first_at timestamptz NOT NULL
);
COMMENT ON TABLE esmigrate.action_fold IS 'An update that changed nothing and stands for others of its day (UTC) that did not either, and that differed from it in no more than time and process: their rows are gone.';
COMMENT ON COLUMN esmigrate.action_fold.action_id IS 'The one whose row stayed, the last of them.';
COMMENT ON COLUMN esmigrate.action_fold.runs IS 'How many others it stands for.';
COMMENT ON COLUMN esmigrate.action_fold.first_at IS 'When the first of them began.';

CREATE FUNCTION esmigrate.changed_nothing(a esmigrate.index_action) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT a.action = 'update' AND a.status = 'complete' AND a.result IS NULL AND a.error IS NULL
        AND a.docs_sent = 0 AND a.retries = 0 AND a.bytes_sent = 0
        AND (a.mode = 'changed' OR (a.mode IS NULL AND a.master_id IS NULL))
$$;
COMMENT ON FUNCTION esmigrate.changed_nothing(esmigrate.index_action) IS 'Whether the action is an update that found no change, or stands for several updates. A full one read everything: that is something.';

CREATE FUNCTION esmigrate.fold_key(started_at timestamptz, instance_id bigint, argv text[], tag text,
    tool_version text, os_user text, host text, db_user text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT pg_catalog.jsonb_build_array((started_at AT TIME ZONE 'UTC')::date, instance_id, argv, tag, tool_version,
                                        os_user, host, db_user)::text
$$;
COMMENT ON FUNCTION esmigrate.fold_key(timestamptz, bigint, text[], text, text, text, text, text) IS 'What actions that are folded into one have in common.';

-- What foreign keys to a row that is deleted are checked with.
CREATE INDEX full_load_action ON esmigrate.full_load (action_id);
CREATE INDEX load_range_action ON esmigrate.load_range (action_id);
CREATE INDEX index_instance_pending ON esmigrate.index_instance (pending_action_id) WHERE pending_action_id IS NOT NULL;

CREATE OR REPLACE FUNCTION esmigrate.protect_action() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND esmigrate.changed_nothing(OLD) THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.status <> 'running' THEN
        RAISE EXCEPTION 'action % is %: its row is never changed or deleted', OLD.id, OLD.status
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.action, NEW.started_at, NEW.argv, NEW.pid, NEW.host)
        IS DISTINCT FROM (OLD.id, OLD.action, OLD.started_at, OLD.argv, OLD.pid, OLD.host) THEN
        RAISE EXCEPTION 'action %: what it is and who runs it does not change', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION esmigrate.protect_action() IS 'An action is closed once and never changed after that. Only an update that changed nothing may be deleted, and is then counted by fold_action().';

CREATE FUNCTION esmigrate.fold_action() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    groups bigint;
    counted bigint;
BEGIN
    WITH folded AS (
        SELECT esmigrate.fold_key(started_at, instance_id, argv, tag, tool_version, os_user, host, db_user) AS key,
               count(*) AS runs, min(started_at) AS first_at
        FROM gone GROUP BY 1
    ), days AS (
        SELECT date_trunc('day', min(started_at), 'UTC') AS first,
               date_trunc('day', max(started_at), 'UTC') + interval '1 day' AS past
        FROM gone
    ), stayed AS (
        SELECT DISTINCT ON (key) key, id
        FROM (SELECT a.id, a.started_at,
                     esmigrate.fold_key(a.started_at, a.instance_id, a.argv, a.tag, a.tool_version, a.os_user,
                                        a.host, a.db_user) AS key
              FROM esmigrate.index_action a, days
              WHERE a.started_at >= days.first AND a.started_at < days.past AND esmigrate.changed_nothing(a)) left_over
        ORDER BY key, started_at DESC, id
    ), written AS (
        INSERT INTO esmigrate.action_fold AS f (action_id, runs, first_at)
        SELECT stayed.id, folded.runs, folded.first_at FROM folded JOIN stayed USING (key)
        ON CONFLICT (action_id) DO UPDATE
        SET runs = f.runs + excluded.runs, first_at = least(f.first_at, excluded.first_at)
        RETURNING action_id
    )
    SELECT (SELECT count(*) FROM folded), (SELECT count(*) FROM written) INTO groups, counted;
    IF counted <> groups THEN
        RAISE EXCEPTION 'of the updates of a day that changed nothing one has to stay'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION esmigrate.fold_action() IS 'Actions that are deleted are counted in action_fold, with the one of their kind and day that stays.';
CREATE TRIGGER fold_action AFTER DELETE ON esmigrate.index_action REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION esmigrate.fold_action();
