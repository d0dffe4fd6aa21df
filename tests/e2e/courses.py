"""The application of most tests: a table of courses, a master course_search, and what is seen of both from outside."""

import datetime
import json
import uuid

from harness import App

MASTER = "course_search"
# strict: a document of another declaration's SQL would be refused, so that it could not pass unseen.
INDEX = {"mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}}}}
DOCUMENTS = "SELECT id AS _id, changed_at AS _changed_at, title FROM course"
# The same fields in another declaration.
OTHER_DOCUMENTS = "SELECT id AS _id, changed_at AS _changed_at, upper(title) AS title FROM course"
CHANGED = """
SELECT id AS _id FROM course WHERE changed_at >= $1
UNION SELECT course_id FROM deleted_course WHERE deleted_at >= $1
"""


def own_app(postgres_server, engine, folder):
    """An application that several tests share; the fixture that makes it has to end it with clean_up()."""
    return App(postgres_server, engine, folder)


def make_courses(app, count=3):
    """Courses 1..count, changed an hour ago: an update's overlap of seconds does not read them again."""
    app.sql("CREATE TABLE course (id int PRIMARY KEY, title text, changed_at timestamptz NOT NULL DEFAULT now())")
    app.sql("CREATE TABLE deleted_course (course_id int, deleted_at timestamptz NOT NULL DEFAULT now())")
    app.sql(
        "INSERT INTO course SELECT n, 'Course ' || n, now() - interval '1 hour' FROM generate_series(1, %s) n",
        (count,),
    )


def rename(app, number, title):
    app.sql("UPDATE course SET title = %s, changed_at = now() WHERE id = %s", (title, number))


def declare(app, name=MASTER, index=INDEX, documents=DOCUMENTS, **files):
    app.declare(name, index=index, documents=documents, **files)


def created(app, count=3, **files):
    """Courses, history, declaration, and the instance course_search-1, empty."""
    make_courses(app, count)
    app.ok("es_init")
    declare(app, **files)
    app.ok("es_create", MASTER)


def filled(app, count=3, **files):
    created(app, count, **files)
    app.ok("es_update", MASTER, "1")


def activated(app, count=3, **files):
    filled(app, count, **files)
    app.ok("es_activate", MASTER)


def second_instance(app, documents=OTHER_DOCUMENTS):
    """course_search-2, empty, of another declaration."""
    declare(app, documents=documents)
    app.ok("es_create", MASTER)


# ---- what is seen from outside


def search(app, index, body):
    engine, name = app.engine_server, app.full_name(index)
    engine.must("POST", f"{name}/_refresh")
    return engine.must("POST", f"{name}/_search", {"size": 10000, **body})["hits"]["hits"]


def versions(app, index):
    """{_id: _version}: a document that was written again has another one."""
    return {hit["_id"]: hit["_version"] for hit in search(app, index, {"version": True})}


def titles(app, index):
    """{_id: title}"""
    return {key: source["title"] for key, source in app.docs(index).items()}


def instances(app):
    """The rows of index_instance by index name without prefix."""
    rows = app.sql("SELECT * FROM esmigrate.index_instance ORDER BY id")
    return {row["index_name"].removeprefix(app.prefix): row for row in rows}


def active_index(app, name=MASTER):
    """What the history says is active: the index name without prefix, or None."""
    [row] = app.sql(
        "SELECT i.index_name FROM esmigrate.index_master m"
        " LEFT JOIN esmigrate.index_instance i ON i.id = m.active_instance_id WHERE m.name = %s",
        (name,),
    )
    return row["index_name"] and row["index_name"].removeprefix(app.prefix)


def last_action(app):
    """The row of the last command, which may have parts."""
    return [row for row in app.history() if row["parent_id"] is None][-1]


def everything(app):
    """All that esmigrate could have written: every table of the history, every index with its documents' versions."""
    tables = app.sql("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'esmigrate' ORDER BY 1")
    history = {
        table["name"]: app.sql(f"SELECT t::text FROM esmigrate.{table['name']} t ORDER BY 1") for table in tables
    }
    indexes = {name: app.engine_server.must("GET", name)[name] for name in app.indices()}
    return history, indexes, {name: (app.docs(name), versions(app, name)) for name in indexes}


# ---- types of the JSON output


def is_time(text):
    """RFC 3339 in UTC."""
    return is_text(text) and text.endswith("Z") and moment(text).tzinfo is not None


def moment(text):
    return datetime.datetime.fromisoformat(text)


def is_uuid(text):
    return str(uuid.UUID(text)) == text


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def or_null(check):
    return lambda value: value is None or check(value)


def is_text(value):
    return isinstance(value, str)


def is_bool(value):
    return isinstance(value, bool)


def is_seconds(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def assert_fields(items, checks):
    """Each item has at least these fields, each of the right kind."""
    assert items, "no item at all"
    for item in items:
        wrong = {name: item.get(name, "(none)") for name, good in checks.items() if name not in item}
        wrong |= {name: item[name] for name, good in checks.items() if name in item and not good(item[name])}
        assert not wrong, f"wrong or missing: {wrong} in {json.dumps(item)}"


RESULT_FIELDS = {
    "id": is_uuid,
    "action": is_text,
    "master": is_text,
    "instance": is_count,
    "index": is_text,
    "result": is_text,
}


def declare_queries(app, *queries):
    """queries.ndjson of course_search."""
    lines = "".join(json.dumps(query) + "\n" for query in queries)
    (app.indexes / MASTER / "queries.ndjson").write_text(lines)
