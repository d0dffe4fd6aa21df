-- oldest_binary: 0.1.0
-- The history: masters, instances, actions, and what the database itself enforces of them.

CREATE TABLE esmigrate.installation (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    prefix text NOT NULL,
    system_identifier bigint NOT NULL,
    database_oid bigint NOT NULL,
    cluster_uuid text,
    created_at timestamptz NOT NULL DEFAULT now(),
    adopted_at timestamptz
);
COMMENT ON TABLE esmigrate.installation IS 'Which prefix and which database this history belongs to; one row. A copied database no longer matches it and is refused until es_init --adopt.';
COMMENT ON COLUMN esmigrate.installation.singleton IS 'Always true: there is one row.';
COMMENT ON COLUMN esmigrate.installation.prefix IS 'Stands in front of the name of every index and alias.';
COMMENT ON COLUMN esmigrate.installation.system_identifier IS 'Of the PostgreSQL cluster the history lives in (pg_control_system).';
COMMENT ON COLUMN esmigrate.installation.database_oid IS 'Of the database the history lives in.';
COMMENT ON COLUMN esmigrate.installation.cluster_uuid IS 'Of the engine that has the indexes; null until the first of them is made. With another engine every writing command is refused.';
COMMENT ON COLUMN esmigrate.installation.created_at IS 'When es_init made the history.';
COMMENT ON COLUMN esmigrate.installation.adopted_at IS 'When es_init --adopt last took the history over.';

CREATE TABLE esmigrate.index_master (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    active_instance_id bigint,
    options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE esmigrate.index_master IS 'A logical index that an application searches; it is not an engine index itself.';
COMMENT ON COLUMN esmigrate.index_master.id IS 'Key.';
COMMENT ON COLUMN esmigrate.index_master.name IS 'As in indexes/NAME/; prefix + name is the alias that readers use.';
COMMENT ON COLUMN esmigrate.index_master.active_instance_id IS 'The instance the alias points to; null while none is active.';
COMMENT ON COLUMN esmigrate.index_master.options IS 'master.json as last read, without passwords.';
COMMENT ON COLUMN esmigrate.index_master.created_at IS 'When a command first met the master.';

CREATE TABLE esmigrate.index_action (
    id uuid PRIMARY KEY,
    parent_id uuid REFERENCES esmigrate.index_action,
    master_id bigint REFERENCES esmigrate.index_master,
    instance_id bigint,
    action text NOT NULL CHECK (action ~ '^[a-z_]+$'),
    status text NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'complete', 'partial', 'failed', 'interrupted')),
    result text,
    mode text CHECK (mode IN ('full', 'changed')),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz CHECK (finished_at >= started_at),
    argv text[] NOT NULL,
    tag text,
    tool_version text NOT NULL,
    os_user text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    db_user text NOT NULL DEFAULT current_user,
    docs_indexed bigint NOT NULL DEFAULT 0 CHECK (docs_indexed >= 0),
    docs_deleted bigint NOT NULL DEFAULT 0 CHECK (docs_deleted >= 0),
    docs_rejected bigint NOT NULL DEFAULT 0 CHECK (docs_rejected >= 0),
    docs_superseded bigint NOT NULL DEFAULT 0 CHECK (docs_superseded >= 0),
    docs_sent bigint NOT NULL DEFAULT 0 CHECK (docs_sent >= 0),
    retries bigint NOT NULL DEFAULT 0 CHECK (retries >= 0),
    bytes_sent bigint NOT NULL DEFAULT 0 CHECK (bytes_sent >= 0),
    changed_from timestamptz,
    changed_through timestamptz,
    error text,
    CONSTRAINT running_or_finished CHECK ((status = 'running') = (finished_at IS NULL)),
    CONSTRAINT complete_accounts_for_all CHECK (status NOT IN ('complete', 'partial')
        OR docs_sent = docs_indexed + docs_deleted + docs_superseded + docs_rejected)
);
COMMENT ON TABLE esmigrate.index_action IS 'One row per execution of a command that touches a master or an instance. A row is closed once and never changes after that.';
COMMENT ON COLUMN esmigrate.index_action.id IS 'Key; the same id stands in mappings._meta.esmigrate of an index that the action created.';
COMMENT ON COLUMN esmigrate.index_action.parent_id IS 'The execution this one is a part of, when a command takes several masters or instances.';
COMMENT ON COLUMN esmigrate.index_action.master_id IS 'The master it touches; null for a parent over several masters.';
COMMENT ON COLUMN esmigrate.index_action.instance_id IS 'The instance it touches; null for a parent, and for a create that made none.';
COMMENT ON COLUMN esmigrate.index_action.action IS 'The command without es_.';
COMMENT ON COLUMN esmigrate.index_action.status IS 'running, complete, partial (finished, rejected documents are open), failed, or interrupted (stopped or crashed).';
COMMENT ON COLUMN esmigrate.index_action.result IS 'created, unchanged, recreated, activated, already_active, dropped or cleared; null for other actions and for failed ones.';
COMMENT ON COLUMN esmigrate.index_action.mode IS 'Of an update: full or changed.';
COMMENT ON COLUMN esmigrate.index_action.started_at IS 'When the row was written, after the lock was held.';
COMMENT ON COLUMN esmigrate.index_action.finished_at IS 'When it was closed; null while it runs.';
COMMENT ON COLUMN esmigrate.index_action.argv IS 'The command line, secrets masked.';
COMMENT ON COLUMN esmigrate.index_action.tag IS 'Given by --tag, for example the release.';
COMMENT ON COLUMN esmigrate.index_action.tool_version IS 'Of esmigrate.';
COMMENT ON COLUMN esmigrate.index_action.os_user IS 'Who ran it, on host.';
COMMENT ON COLUMN esmigrate.index_action.host IS 'Where it ran.';
COMMENT ON COLUMN esmigrate.index_action.pid IS 'Its process on host.';
COMMENT ON COLUMN esmigrate.index_action.db_user IS 'The role it wrote the history as.';
COMMENT ON COLUMN esmigrate.index_action.docs_indexed IS 'Documents the engine accepted.';
COMMENT ON COLUMN esmigrate.index_action.docs_deleted IS 'Deletes the engine accepted, of documents that were there or not.';
COMMENT ON COLUMN esmigrate.index_action.docs_rejected IS 'Documents refused for their content; see rejected_document.';
COMMENT ON COLUMN esmigrate.index_action.docs_superseded IS 'Writes that a newer read of the source had already overtaken.';
COMMENT ON COLUMN esmigrate.index_action.docs_sent IS 'Documents and deletes read from the source; of a finished action it is the sum of the former four.';
COMMENT ON COLUMN esmigrate.index_action.retries IS 'Documents sent again because the engine was busy or did not answer.';
COMMENT ON COLUMN esmigrate.index_action.bytes_sent IS 'Of bulk bodies, repeats included.';
COMMENT ON COLUMN esmigrate.index_action.changed_from IS 'The update read what changed since then; null for a full one.';
COMMENT ON COLUMN esmigrate.index_action.changed_through IS 'Every change up to then is in the index, as far as this action brought it.';
COMMENT ON COLUMN esmigrate.index_action.error IS 'What went wrong, secrets masked; or what a later command found of an interrupted action.';

CREATE TABLE esmigrate.index_instance (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    master_id bigint NOT NULL REFERENCES esmigrate.index_master,
    number integer NOT NULL CHECK (number > 0),
    index_name text NOT NULL UNIQUE,
    index_uuid text,
    pending_action_id uuid REFERENCES esmigrate.index_action,
    body text NOT NULL,
    documents_sql text NOT NULL,
    changed_sql text,
    changed_at_zone text,
    search_path text NOT NULL,
    fingerprint text NOT NULL,
    deletes text NOT NULL CHECK (deletes IN ('tracked', 'full only')),
    tag text,
    state text NOT NULL DEFAULT 'empty'
        CHECK (state IN ('empty', 'loading', 'ready', 'cleared', 'dropped')),
    changed_through timestamptz,
    read_version bigint NOT NULL DEFAULT 0,
    writer_epoch integer NOT NULL DEFAULT 1 CHECK (writer_epoch > 0),
    source_system_identifier bigint,
    source_database_oid bigint,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    filled_at timestamptz,
    activated_at timestamptz,
    dropped_at timestamptz,
    UNIQUE (master_id, number),
    UNIQUE (master_id, id),
    CONSTRAINT made_or_pending CHECK (index_uuid IS NOT NULL OR pending_action_id IS NOT NULL),
    CONSTRAINT dropped_has_time CHECK ((state = 'dropped') = (dropped_at IS NOT NULL)),
    CONSTRAINT ready_is_filled CHECK (state <> 'ready' OR filled_at IS NOT NULL)
);
COMMENT ON TABLE esmigrate.index_instance IS 'One engine index built for a master from one declaration, of which it keeps its own copy.';
COMMENT ON COLUMN esmigrate.index_instance.id IS 'Key.';
COMMENT ON COLUMN esmigrate.index_instance.master_id IS 'Its master.';
COMMENT ON COLUMN esmigrate.index_instance.number IS '1, 2, 3 ... per master.';
COMMENT ON COLUMN esmigrate.index_instance.index_name IS 'The name in the engine: prefix + master + "-" + number.';
COMMENT ON COLUMN esmigrate.index_instance.index_uuid IS 'The uuid the engine gave the index; an index with another one is not ours.';
COMMENT ON COLUMN esmigrate.index_instance.pending_action_id IS 'The action that is making the index in the engine; null once its outcome is known.';
COMMENT ON COLUMN esmigrate.index_instance.body IS 'index.json as it was declared.';
COMMENT ON COLUMN esmigrate.index_instance.documents_sql IS 'documents.sql as it was declared; every update of this instance uses it.';
COMMENT ON COLUMN esmigrate.index_instance.changed_sql IS 'changed.sql as it was declared, if there was one.';
COMMENT ON COLUMN esmigrate.index_instance.changed_at_zone IS 'The zone of a _changed_at without time zone.';
COMMENT ON COLUMN esmigrate.index_instance.search_path IS 'The search_path of the source when the instance was created; the SQL runs with it.';
COMMENT ON COLUMN esmigrate.index_instance.fingerprint IS 'Of the declaration: the number of the algorithm, ":" and the SHA-256.';
COMMENT ON COLUMN esmigrate.index_instance.deletes IS 'tracked: updates find rows that are gone; full only: es_update --full does.';
COMMENT ON COLUMN esmigrate.index_instance.tag IS 'Of the create.';
COMMENT ON COLUMN esmigrate.index_instance.state IS 'empty, loading (a first full update has begun), ready, cleared or dropped.';
COMMENT ON COLUMN esmigrate.index_instance.changed_through IS 'Every change in the source up to this moment is in the index; the next update begins here.';
COMMENT ON COLUMN esmigrate.index_instance.read_version IS 'The newest read version issued: the _version of the documents of the latest read.';
COMMENT ON COLUMN esmigrate.index_instance.writer_epoch IS 'Documents are written through the alias index_name.W<epoch>; a writer of an older epoch is locked out by the engine.';
COMMENT ON COLUMN esmigrate.index_instance.source_system_identifier IS 'Of the PostgreSQL cluster the last full update read.';
COMMENT ON COLUMN esmigrate.index_instance.source_database_oid IS 'Of the database the last full update read.';
COMMENT ON COLUMN esmigrate.index_instance.created_at IS 'When it was created.';
COMMENT ON COLUMN esmigrate.index_instance.filled_at IS 'When a full update first completed; null while it never did.';
COMMENT ON COLUMN esmigrate.index_instance.activated_at IS 'When the alias was last pointed at it.';
COMMENT ON COLUMN esmigrate.index_instance.dropped_at IS 'When its engine index was deleted; the row stays.';

ALTER TABLE esmigrate.index_master
    ADD FOREIGN KEY (id, active_instance_id)
        REFERENCES esmigrate.index_instance (master_id, id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE esmigrate.index_action
    ADD FOREIGN KEY (master_id, instance_id)
        REFERENCES esmigrate.index_instance (master_id, id),
    ADD CONSTRAINT instance_has_master CHECK (instance_id IS NULL OR master_id IS NOT NULL);

CREATE TABLE esmigrate.rejected_document (
    instance_id bigint NOT NULL REFERENCES esmigrate.index_instance,
    doc_id text NOT NULL,
    action_id uuid NOT NULL REFERENCES esmigrate.index_action,
    http_status integer,
    error_type text NOT NULL,
    reason text NOT NULL,
    tries integer NOT NULL DEFAULT 1 CHECK (tries > 0),
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- An _id that is refused for its length would not fit the index itself.
CREATE UNIQUE INDEX rejected_document_key ON esmigrate.rejected_document (instance_id, md5(doc_id));
COMMENT ON TABLE esmigrate.rejected_document IS 'Documents refused for their content, until they are accepted or gone from the source. Every update reads and sends them again.';
COMMENT ON COLUMN esmigrate.rejected_document.instance_id IS 'Where the document is missing or stale.';
COMMENT ON COLUMN esmigrate.rejected_document.doc_id IS 'Its _id.';
COMMENT ON COLUMN esmigrate.rejected_document.action_id IS 'The action that last tried.';
COMMENT ON COLUMN esmigrate.rejected_document.http_status IS 'Of its item in the bulk response; null if it was not sent at all.';
COMMENT ON COLUMN esmigrate.rejected_document.error_type IS 'The engine''s type of error, or esmigrate''s own.';
COMMENT ON COLUMN esmigrate.rejected_document.reason IS 'In the engine''s words.';
COMMENT ON COLUMN esmigrate.rejected_document.tries IS 'How often it was refused.';
COMMENT ON COLUMN esmigrate.rejected_document.first_at IS 'First refused.';
COMMENT ON COLUMN esmigrate.rejected_document.last_at IS 'Last refused.';

CREATE TABLE esmigrate.horizon (
    system_identifier bigint NOT NULL,
    database_oid bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    h timestamptz NOT NULL CHECK (h <= taken_at),
    PRIMARY KEY (system_identifier, database_oid, taken_at)
);
COMMENT ON TABLE esmigrate.horizon IS 'Moments of a source up to which nothing that was still running could have stamped a row.';
COMMENT ON COLUMN esmigrate.horizon.system_identifier IS 'The PostgreSQL cluster of the source.';
COMMENT ON COLUMN esmigrate.horizon.database_oid IS 'The database of the source.';
COMMENT ON COLUMN esmigrate.horizon.taken_at IS 'The source''s clock when it was found.';
COMMENT ON COLUMN esmigrate.horizon.h IS 'Every transaction that stamped rows before it had ended by taken_at, but for prepared ones.';

-- es_history: newest first, alone and with each of its filters.
CREATE INDEX index_action_started ON esmigrate.index_action (started_at DESC, id);
CREATE INDEX index_action_master ON esmigrate.index_action (master_id, started_at DESC, id);
CREATE INDEX index_action_instance ON esmigrate.index_action (instance_id, started_at DESC, id);
CREATE INDEX index_action_action ON esmigrate.index_action (action, started_at DESC, id);
CREATE INDEX index_action_status ON esmigrate.index_action (status, started_at DESC, id)
    WHERE status <> 'complete';
CREATE INDEX index_action_parent ON esmigrate.index_action (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX rejected_document_action ON esmigrate.rejected_document (action_id);

CREATE FUNCTION esmigrate.protect_action() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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
COMMENT ON FUNCTION esmigrate.protect_action() IS 'An action is closed once and never changed after that.';
CREATE TRIGGER protect_action BEFORE UPDATE OR DELETE ON esmigrate.index_action
    FOR EACH ROW EXECUTE FUNCTION esmigrate.protect_action();

CREATE FUNCTION esmigrate.protect_from_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history is not truncated' USING ERRCODE = 'integrity_constraint_violation';
END $$;
COMMENT ON FUNCTION esmigrate.protect_from_truncate() IS 'Rows of the history are never deleted, so neither are all of them.';
CREATE TRIGGER protect_from_truncate BEFORE TRUNCATE ON esmigrate.index_action
    FOR EACH STATEMENT EXECUTE FUNCTION esmigrate.protect_from_truncate();

CREATE FUNCTION esmigrate.protect_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.master_id, NEW.number, NEW.index_name, NEW.documents_sql, NEW.changed_sql,
        NEW.changed_at_zone, NEW.search_path)
        IS DISTINCT FROM (OLD.id, OLD.master_id, OLD.number, OLD.index_name, OLD.documents_sql,
        OLD.changed_sql, OLD.changed_at_zone, OLD.search_path) THEN
        RAISE EXCEPTION 'instance %: its number and its copy of the SQL do not change',
            OLD.index_name USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state = 'dropped' THEN
        RAISE EXCEPTION 'instance % is dropped: its row does not change', OLD.index_name
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.read_version < OLD.read_version OR NEW.writer_epoch < OLD.writer_epoch THEN
        RAISE EXCEPTION 'instance %: read version and epoch only grow', OLD.index_name
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'dropped' AND EXISTS (SELECT FROM esmigrate.index_master m
                                         WHERE m.active_instance_id = NEW.id) THEN
        RAISE EXCEPTION 'instance % is active: it cannot be dropped', OLD.index_name
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION esmigrate.protect_instance() IS 'What an instance is does not change, its counters only grow, and the active one is not dropped.';
CREATE TRIGGER protect_instance BEFORE UPDATE ON esmigrate.index_instance
    FOR EACH ROW EXECUTE FUNCTION esmigrate.protect_instance();

CREATE FUNCTION esmigrate.protect_active() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM esmigrate.index_instance i
                   WHERE i.id = NEW.active_instance_id AND i.state <> 'dropped'
                     AND i.index_uuid IS NOT NULL) THEN
        RAISE EXCEPTION 'master %: a dropped or unmade instance cannot be active', NEW.name
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION esmigrate.protect_active() IS 'Only an instance that exists in the engine can be active.';
CREATE TRIGGER protect_active BEFORE INSERT OR UPDATE OF active_instance_id ON esmigrate.index_master
    FOR EACH ROW WHEN (NEW.active_instance_id IS NOT NULL) EXECUTE FUNCTION esmigrate.protect_active();
