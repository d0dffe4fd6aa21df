-- Fills the tables of schema.sql from package.copy and dependency.copy in the folder that the psql variable "data"
-- names, then adds the indexes and triggers, which would only slow the load down.

\cd :data

BEGIN;

CREATE TEMPORARY TABLE loaded_package (
    name text, version text, architecture text, section text, priority text, installed_size bigint, maintainer text,
    homepage text, summary text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE loaded_dependency (package text, depends_on text, kind text) ON COMMIT DROP;
\copy loaded_package FROM 'package.copy'
\copy loaded_dependency FROM 'dependency.copy'
ANALYZE loaded_package, loaded_dependency;

-- The catalogue does not say when a package changed: spread them over the last year, so that "what changed since" has
-- something to leave out.
INSERT INTO section (name, updated_at)
SELECT DISTINCT coalesce(section, 'unknown'), now() - interval '1 year' FROM loaded_package;

INSERT INTO maintainer (name, updated_at)
SELECT DISTINCT coalesce(maintainer, 'unknown'), now() - interval '1 year' FROM loaded_package;

INSERT INTO package (name, version, architecture, section_id, priority, installed_size, maintainer_id, homepage,
                     summary, updated_at)
SELECT l.name, l.version, coalesce(l.architecture, 'all'), s.id, l.priority, l.installed_size, m.id, l.homepage,
       coalesce(l.summary, ''), now() - interval '1 day' * (1 + abs(hashtext(l.name)::bigint) % 365)
FROM loaded_package l
JOIN section s ON s.name = coalesce(l.section, 'unknown')
JOIN maintainer m ON m.name = coalesce(l.maintainer, 'unknown')
ORDER BY l.name;

INSERT INTO dependency (package_id, depends_on, kind, updated_at)
SELECT DISTINCT p.id, l.depends_on, l.kind, p.updated_at
FROM loaded_dependency l
JOIN package p ON p.name = l.package;

-- What the declarations ask for: rows by the time of their change, and rows by what they point to.
CREATE INDEX ON package (updated_at);
CREATE INDEX ON package (section_id);
CREATE INDEX ON package (maintainer_id);
CREATE INDEX ON section (updated_at);
CREATE INDEX ON maintainer (updated_at);
CREATE INDEX ON dependency (updated_at);
CREATE INDEX ON dependency (depends_on, kind);
CREATE INDEX ON package_trace (left_at);

CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TRIGGER set_updated_at BEFORE UPDATE ON section FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON maintainer FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON package FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON dependency FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- A row that takes another name leaves the old one behind, as a deleted row does.
CREATE FUNCTION trace_package() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO package_trace (name) VALUES (OLD.name);
    RETURN NULL;
END
$$;

CREATE TRIGGER trace_delete AFTER DELETE ON package FOR EACH ROW EXECUTE FUNCTION trace_package();
CREATE TRIGGER trace_rename AFTER UPDATE ON package FOR EACH ROW WHEN (OLD.name <> NEW.name)
    EXECUTE FUNCTION trace_package();

-- A dependency shows in the documents of both its ends.
CREATE FUNCTION trace_dependency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO package_trace (name) SELECT OLD.depends_on UNION SELECT name FROM package WHERE id = OLD.package_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER trace_delete AFTER DELETE ON dependency FOR EACH ROW EXECUTE FUNCTION trace_dependency();
CREATE TRIGGER trace_move AFTER UPDATE ON dependency FOR EACH ROW
    WHEN (OLD.package_id <> NEW.package_id OR OLD.depends_on <> NEW.depends_on OR OLD.kind <> NEW.kind)
    EXECUTE FUNCTION trace_dependency();

COMMIT;

VACUUM ANALYZE;

SELECT (SELECT count(*) FROM package) AS packages, (SELECT count(*) FROM dependency) AS dependencies,
       (SELECT count(*) FROM maintainer) AS maintainers, (SELECT count(*) FROM section) AS sections
\gset
\echo :packages packages, :dependencies dependencies, :maintainers maintainers, :sections sections
