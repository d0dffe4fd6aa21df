-- oldest_binary: 0.1.0
-- es_prune: runs of es_update that changed nothing are folded, and indexes without an instance are named.

ALTER TABLE esmigrate.index_action ADD COLUMN index_name text;
COMMENT ON COLUMN esmigrate.index_action.index_name IS 'The engine index an es_prune deleted that was no instance''s; null of all other actions, whose index is their instance''s.';

CREATE TABLE esmigrate.action_fold (
    action_id uuid PRIMARY KEY,
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

-- A foreign key is looked up for each row that is deleted: with ten of them that were six sevenths of the time that
-- folding takes. Rows of index_action are deleted by folding alone, so what refers to them is looked up once for all.

CREATE FUNCTION esmigrate.refer_to_action() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    referred uuid;
BEGIN
    IF TG_ARGV[0] = 'action_id' THEN
        referred := NEW.action_id;
    ELSIF TG_ARGV[0] = 'parent_id' THEN
        referred := NEW.parent_id;
    ELSE
        referred := NEW.pending_action_id;
    END IF;
    IF referred IS NULL THEN
        RETURN NULL;
    END IF;
    -- The lock of a foreign key: who would delete that row waits, and finds the reference then.
    PERFORM FROM esmigrate.index_action WHERE id = referred FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% of % refers to action %, which is not there', TG_ARGV[0], TG_TABLE_NAME, referred
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION esmigrate.refer_to_action() IS 'What a row names in the column of its argument is an action. unreferred_action() is the other half of this foreign key.';

-- Nested loops: what is deleted is little beside the tables that are looked at, by their indexes.
CREATE FUNCTION esmigrate.unreferred_action() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    referring record;
    referred text;
BEGIN
    FOR referring IN
        SELECT t.tgrelid::pg_catalog.regclass AS name, a.attname AS through
        FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = t.tgattr[0]
        WHERE t.tgfoid = 'esmigrate.refer_to_action()'::pg_catalog.regprocedure
    LOOP
        EXECUTE pg_catalog.format('SELECT min(gone.id::text) FROM gone JOIN %s r ON r.%I = gone.id',
                                  referring.name, referring.through) INTO referred;
        IF referred IS NOT NULL THEN
            RAISE EXCEPTION 'action % is not deleted: % refers to it', referred, referring.name
                USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION esmigrate.unreferred_action() IS 'Nothing refers to actions that are deleted, by any column that refer_to_action() looks after.';
CREATE TRIGGER unreferred_action AFTER DELETE ON esmigrate.index_action REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION esmigrate.unreferred_action();

ALTER TABLE esmigrate.index_action DROP CONSTRAINT index_action_parent_id_fkey;
ALTER TABLE esmigrate.index_instance DROP CONSTRAINT index_instance_pending_action_id_fkey;
ALTER TABLE esmigrate.rejected_document DROP CONSTRAINT rejected_document_action_id_fkey;
ALTER TABLE esmigrate.full_load DROP CONSTRAINT full_load_action_id_fkey;
ALTER TABLE esmigrate.load_range DROP CONSTRAINT load_range_action_id_fkey;
ALTER TABLE esmigrate.action_progress DROP CONSTRAINT action_progress_action_id_fkey;
ALTER TABLE esmigrate.load_worker DROP CONSTRAINT load_worker_action_id_fkey;
ALTER TABLE esmigrate.verification DROP CONSTRAINT verification_action_id_fkey;

CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF parent_id ON esmigrate.index_action
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('parent_id');
CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF pending_action_id ON esmigrate.index_instance
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('pending_action_id');
CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF action_id ON esmigrate.rejected_document
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('action_id');
CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF action_id ON esmigrate.full_load
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('action_id');
CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF action_id ON esmigrate.load_range
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('action_id');
CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF action_id ON esmigrate.action_progress
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('action_id');
CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF action_id ON esmigrate.load_worker
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('action_id');
CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF action_id ON esmigrate.verification
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('action_id');
CREATE TRIGGER refer_to_action AFTER INSERT OR UPDATE OF action_id ON esmigrate.action_fold
    FOR EACH ROW EXECUTE FUNCTION esmigrate.refer_to_action('action_id');

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
