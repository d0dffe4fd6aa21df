"""Wrong declarations: es_create refuses them with 2, names the file, and leaves nothing but the failed action."""

import secrets
import shutil

import courses
import pytest

pytestmark = pytest.mark.either

MASTER = courses.MASTER
GOOD_INDEX = '{"mappings": {"dynamic": true}}'
GOOD_DOCUMENTS = "SELECT id AS _id, changed_at AS _changed_at, title FROM course"


@pytest.fixture(scope="module")
def shared_app(postgres_server, engine, tmp_path_factory):
    """One application for all refusals: each leaves it as it was."""
    app = courses.own_app(postgres_server, engine, tmp_path_factory.mktemp("declarations"))
    courses.make_courses(app)
    app.ok("es_init")
    yield app
    app.clean_up()


def refused(app, file, *texts, index=GOOD_INDEX, documents=GOOD_DOCUMENTS, changed=None, master=None):
    """es_create refuses a declaration of these files; stderr names the file and contains the texts."""
    # A name of its own: what a wrong esmigrate lets pass does not disturb the next test.
    name = f"wrong_{secrets.token_hex(4)}"
    app.declare(name, index=index, documents=documents, changed=changed, master=master)
    result = app.run("es_create", name, "-o", "json")
    shutil.rmtree(app.indexes / name)
    assert result.code == 2, result
    missing = [text for text in (f"{app.indexes}/{name}/{file}", *texts) if text not in result.err]
    assert not missing, f"stderr lacks {missing}\n{result}"
    assert [index for index in courses.instances(app) if name in index] == []
    assert [index for index in app.indices() if name in index] == []
    # A command that began on a master leaves its row, with the message.
    row = courses.last_action(app)
    assert (row["master"], row["action"], row["status"], row["instance"]) == (name, "create", "failed", None)
    assert row["error"] and row["error"].splitlines()[0] in result.err
    assert [(item["master"], item["instance"], item["result"]) for item in result.json] == [(name, None, None)]


# ---- index.json


@pytest.mark.parametrize(
    "index, texts",
    [
        ('{"aliases": {"live": {}}, "mappings": {}}', ["aliases", "HINT: ", "es_activate"]),
        ('{"mappings": {"dynamic": true, "dynamic": false}}', ["dynamic", "twice"]),
        ('{"settings": {"a": 1}, "settings": {"a": 1}}', ["settings", "twice"]),
        ('{"settings":\n  {"number_of_shards" 1}}', ["line 2", "column"]),
        ('{"mappings": {}', ["line 1"]),
        ('{"mappings": {}} {}', ["line 1"]),
        ("", []),
        ("[]", ["not a JSON object"]),
        ('{"mapping": {}}', ['"mapping"', "HINT: "]),
        ('PUT course\n{"mappings": {}}', ["HINT: ", "request line"]),
        ('{"settings": {"index.translog.durability": "async"}}', ["durability"]),
        ('{"settings": {"index": {"translog": {"durability": "ASYNC"}}}}', ["durability"]),
        ('{"mappings": {"_meta": {"esmigrate": 1}}}', ["_meta.esmigrate"]),
        ('{"mappings": []}', ["mappings"]),
        ('{"mappings": {"properties": {"title": {"type": "textt"}}}}', ["textt"]),
        ('{"settings": {"number_of_shards": 0}}', ["number_of_shards"]),
    ],
    ids=[
        "aliases",
        "duplicate key",
        "duplicate key of equal value",
        "malformed",
        "cut off",
        "text behind it",
        "empty",
        "no object",
        "unknown key",
        "request line",
        "translog async",
        "translog async, nested",
        "our own mark",
        "mappings is no object",
        "unknown type",
        "refused setting",
    ],
)
def test_a_wrong_index_json_is_refused(shared_app, index, texts):
    refused(shared_app, "index.json", *texts, index=index)


def test_a_json_error_names_line_and_column(shared_app):
    refused(shared_app, "index.json", "line 3, column 5", index='{\n  "mappings": {\n    oops\n  }\n}')


# ---- documents.sql


@pytest.mark.parametrize(
    "documents, texts",
    [
        ("-- Übersicht\n\nSELECT id AS _id,\n  titel\nFROM course", ["line 4", '"titel"', "HINT"]),
        ("SELECT id AS _id\nFROM nowhere", ["line 2", '"nowhere"']),
        ("SELECT id AS _id FROM course\nWHER true", ["line 2", "syntax error"]),
        ("SELECT id AS _id FROM course; SELECT 1", ["more than one statement"]),
        ("SELECT id FROM course", ["there is no column _id"]),
        ("SELECT id AS _id, title AS _title FROM course", ["_title", "HINT"]),
        ("SELECT id AS _id, id + 1 FROM course", ["HINT", "AS"]),
        ("SELECT id AS _id, title, title FROM course", ["title", "twice"]),
        ("SELECT id AS _id, id AS _id FROM course", ["_id", "twice"]),
        ("SELECT id AS _id, title, '{}'::json AS _source FROM course", ["_source", "title"]),
        ("SELECT id AS _id, title AS _source FROM course", ["_source", "json"]),
        ("SELECT id AS _id, id AS _deleted FROM course", ["_deleted", "boolean"]),
        ("SELECT id AS _id, id AS _changed_at FROM course", ["_changed_at", "timestamp with time zone"]),
        ("SELECT id AS _id, now()::timestamp AS _changed_at FROM course", ["_changed_at", "HINT", "changed_at_zone"]),
        ("SELECT id AS _id FROM course WHERE id = $1", ["parameter"]),
        ("INSERT INTO course VALUES (9) RETURNING id AS _id", ["SELECT"]),
        ("DELETE FROM course RETURNING id AS _id", ["SELECT"]),
        ("WITH gone AS (DELETE FROM course RETURNING id) SELECT id AS _id FROM gone", ["SELECT"]),
        ("SELECT id AS _id INTO copied FROM course", []),
        ("", []),
        ("-- nothing", []),
    ],
    ids=[
        "unknown column in line 4",
        "unknown table in line 2",
        "syntax",
        "two statements",
        "no _id",
        "unknown _column",
        "?column?",
        "duplicate column",
        "duplicate _id",
        "field beside _source",
        "_source of text",
        "_deleted of integer",
        "_changed_at of integer",
        "timestamp without zone",
        "parameter",
        "insert",
        "delete",
        "delete in WITH",
        "select into",
        "empty",
        "only a comment",
    ],
)
def test_a_wrong_documents_sql_is_refused(shared_app, documents, texts):
    refused(shared_app, "documents.sql", *texts, documents=documents)
    assert shared_app.sql("SELECT count(*) AS n FROM course") == [{"n": 3}]


def test_a_column_without_a_name_is_named_by_its_place(shared_app):
    refused(shared_app, "documents.sql", "column 3", documents="SELECT id AS _id, title, id + 1 FROM course")


# ---- changed.sql and master.json


@pytest.mark.parametrize(
    "changed, texts",
    [
        ("SELECT id AS _id\nFROM course WHERE altered >= $1", ["line 2", '"altered"']),
        ("SELECT id FROM course WHERE changed_at >= $1", ["_id", "HINT"]),
        ("SELECT id AS _id, title FROM course WHERE changed_at >= $1", ["_id"]),
        ("SELECT id AS _id FROM course WHERE changed_at >= $1 AND id > $2", ["$1"]),
        ("SELECT id AS _id FROM course WHERE id >= $1", ["$1", "HINT"]),
        ("SELECT 1 AS _id; SELECT 2 AS _id", ["more than one statement"]),
        ("DELETE FROM course RETURNING id AS _id", []),
        ("WITH gone AS (DELETE FROM course RETURNING id) SELECT id AS _id FROM gone", []),
        ("", []),
    ],
    ids=[
        "unknown column in line 2",
        "no _id",
        "two columns",
        "two parameters",
        "parameter of another type",
        "two statements",
        "delete",
        "delete in WITH",
        "empty",
    ],
)
def test_a_wrong_changed_sql_is_refused(shared_app, changed, texts):
    refused(shared_app, "changed.sql", *texts, changed=changed)
    assert shared_app.sql("SELECT count(*) AS n FROM course") == [{"n": 3}]


@pytest.mark.parametrize(
    "master, texts",
    [
        ("{", ["line 1"]),
        ("[]", ["not a JSON object"]),
        ('{"overlapp": "5 seconds"}', ['"overlapp"', "HINT"]),
        ('{"overlap": 5}', ['"overlap"']),
        ('{"overlap": "soon"}', ["overlap", "soon"]),
        ('{"changed_at_zone": "Nowhere/Land"}', ["changed_at_zone", "Nowhere/Land"]),
        ('{"max_document_bytes": "many"}', ['"max_document_bytes"']),
    ],
    ids=[
        "malformed",
        "no object",
        "unknown key",
        "number for a text",
        "no duration",
        "no zone",
        "text for a number",
    ],
)
def test_a_wrong_master_json_is_refused(shared_app, master, texts):
    # A column that needs the zone.
    documents = "SELECT id AS _id, changed_at::timestamp AS _changed_at FROM course"
    if "zone" not in master:
        documents = GOOD_DOCUMENTS
    refused(shared_app, "master.json", *texts, documents=documents, master=master)


def test_a_missing_file_is_named(shared_app):
    folder = shared_app.indexes / "half_search"
    folder.mkdir()
    try:
        assert f"{folder}/index.json" in shared_app.fails(2, "es_create", "half_search").err
        (folder / "index.json").write_text("{}")
        assert f"{folder}/documents.sql" in shared_app.fails(2, "es_create", "half_search").err
        assert [index for index in shared_app.indices() if "half_search" in index] == []
    finally:
        shutil.rmtree(folder)


# ---- names


@pytest.mark.parametrize(
    "name, why",
    [
        ("Course", "upper case"),
        ("course search", "letters"),
        ("course*", "letters"),
        ("course,lesson", "letters"),
        ("kürse", "letters"),
        ("c" * 250, "too long"),
    ],
)
def test_a_name_that_no_index_can_have_is_refused(shared_app, name, why):
    shared_app.declare(name, index=GOOD_INDEX, documents=GOOD_DOCUMENTS)
    try:
        rows = len(shared_app.history())
        result = shared_app.fails(2, "es_create", name)
        assert name in result.err and why in result.err and "HINT: " in result.err
        # No such master can come to be: there is nothing to hang a row on.
        assert len(shared_app.history()) == rows
        assert shared_app.sql("SELECT * FROM esmigrate.index_master WHERE name = %s", (name,)) == []
    finally:
        shutil.rmtree(shared_app.indexes / name)


@pytest.mark.parametrize("name", ["12", "course-2"])
def test_a_name_that_would_be_taken_for_an_instance_is_refused(shared_app, name):
    shared_app.declare(name, index=GOOD_INDEX, documents=GOOD_DOCUMENTS)
    try:
        shared_app.fails(2, "es_create", name)
        result = shared_app.fails(2, "es_create", "--all")
        assert f'"{name}"' in result.err and "instance" in result.err
        assert shared_app.full_name(f"{name}-1") not in shared_app.indices()
    finally:
        shutil.rmtree(shared_app.indexes / name)


# ---- what only the rows show


def test_a_null_id_fails_the_update(app):
    courses.created(app, documents="SELECT nullif(id, 2) AS _id, changed_at AS _changed_at, title FROM course")
    result = app.fails(1, "es_update", MASTER, "1")
    assert "_id is null" in result.err and "HINT: " in result.err
    row = courses.last_action(app)
    assert (row["status"], row["changed_through"]) == ("failed", None)
    assert courses.instances(app)["course_search-1"]["changed_through"] is None
    app.fails(1, "es_activate", MASTER)
    app.sql("DELETE FROM course WHERE id = 2")
    [item] = app.ok("es_update", MASTER, "1")
    assert (item["mode"], item["status"]) == ("full", "complete")
    assert sorted(app.docs("course_search-1")) == ["1", "3"]


def test_a_null_id_fails_a_later_update_and_the_mark_stays(app):
    courses.filled(app, documents="SELECT nullif(id, 9) AS _id, changed_at AS _changed_at, title FROM course")
    before = courses.instances(app)["course_search-1"]["changed_through"]
    app.sql("INSERT INTO course VALUES (9, 'Nine')")
    app.fails(1, "es_update", MASTER, "1")
    assert courses.instances(app)["course_search-1"]["changed_through"] == before


def test_duplicate_ids_fail_the_update_and_are_named(app):
    courses.created(app, count=5, documents="SELECT id % 3 AS _id, changed_at AS _changed_at, title FROM course")
    result = app.fails(1, "es_update", MASTER, "1")
    assert "same _id more than once" in result.err
    assert "DETAIL: For example: 1, 2." in result.err and "HINT: " in result.err
    row = courses.last_action(app)
    assert row["status"] == "failed" and "1, 2" in row["error"]
    assert courses.instances(app)["course_search-1"]["changed_through"] is None
    app.fails(1, "es_activate", MASTER)
    app.sql("DELETE FROM course WHERE id > 3")
    [item] = app.ok("es_update", MASTER, "1")
    assert (item["status"], item["indexed"]) == ("complete", 3)
    assert len(app.docs("course_search-1")) == 3


def test_a_source_that_changed_since_fails_the_update_with_5(app):
    courses.filled(app)
    app.sql("ALTER TABLE course RENAME title TO name")
    result = app.fails(5, "es_update", MASTER, "1")
    assert '"title"' in result.err and "HINT: " in result.err
    assert courses.last_action(app)["status"] == "failed"
    assert len(app.docs("course_search-1")) == 3
