"""es_plan: what es_create would do with a declaration, and why."""

import pytest

import courses
from courses import MASTER

pytestmark = pytest.mark.either

BODY = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "5s"},
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "title": {"type": "text"},
            "code": {"type": "keyword", "ignore_above": 20},
            "place": {"properties": {"city": {"type": "keyword"}}},
            "lessons": {"type": "nested", "properties": {"title": {"type": "text"}}},
        },
    },
}


def changed(**changes):
    """BODY with the given parts of its properties replaced; None takes one away."""
    properties = {**BODY["mappings"]["properties"], **changes}
    kept = {name: value for name, value in properties.items() if value is not None}
    return {**BODY, "mappings": {**BODY["mappings"], "properties": kept}}


def with_settings(**settings):
    return {**BODY, "settings": {**BODY["settings"], **settings}}


def plan(app, **files):
    courses.declare(app, **{"index": BODY, **files})
    [found] = app.ok("es_plan", MASTER)
    assert [name for name in app.indices() if "scratch" in name] == []
    return found


def changes(found):
    """{path: in place?}"""
    return {change["path"]: change["in_place"] for change in found["changes"]}


@pytest.fixture
def made(app):
    courses.filled(app, index=BODY)
    return app


def test_nothing_is_there_yet(app):
    courses.make_courses(app)
    app.ok("es_init")
    found = plan(app)
    assert found == {
        "master": MASTER,
        "result": "create",
        "instance": None,
        "next": 1,
        "fix": "esmigrate es_create course_search",
        "changes": [],
        "drift": [],
    }
    assert app.history() == [] and app.indices() == []


def test_an_unchanged_declaration(made):
    before = courses.everything(made)
    found = plan(made)
    assert (found["result"], found["instance"], found["next"]) == ("unchanged", 1, 2)
    assert found["fix"] == "esmigrate es_activate course_search 1"
    assert found["changes"] == found["drift"] == []
    assert courses.everything(made) == before
    made.ok("es_activate", MASTER)
    assert plan(made)["fix"] is None
    result = made.run("es_plan", MASTER, check=0)
    assert result.out == ""
    assert result.err == "esmigrate: course_search: this declaration is that of the newest instance, 1\n"


def test_new_fields_can_be_added_in_place(made):
    lessons = {"type": "nested", "properties": {"title": {"type": "text"}, "room": {"type": "keyword"}}}
    found = plan(made, index=changed(level={"type": "integer"}, lessons=lessons))
    assert (found["result"], found["next"]) == ("in_place", 2)
    assert found["fix"] == "esmigrate es_create course_search --in-place"
    assert changes(found) == {"level": True, "lessons.room": True}
    level = [change for change in found["changes"] if change["path"] == "level"]
    assert level == [
        {"part": "mappings", "path": "level", "before": None, "after": '{"type":"integer"}', "in_place": True,
         "reason": None}
    ]  # fmt: skip


def test_a_setting_that_the_engine_lets_change_is_in_place_and_another_one_is_not(made):
    found = plan(made, index=with_settings(refresh_interval="9s"))
    assert found["result"] == "in_place" and changes(found) == {"index.refresh_interval": True}
    found = plan(made, index=with_settings(refresh_interval="9s", number_of_shards=2))
    assert found["result"] == "create"
    assert changes(found) == {"index.refresh_interval": True, "index.number_of_shards": False}
    [reason] = [change["reason"] for change in found["changes"] if not change["in_place"]]
    assert "index.number_of_shards" in reason
    assert found["fix"] == "esmigrate es_create course_search"


@pytest.mark.parametrize(
    "field, definition, in_place, reason",
    [
        ("title", {"type": "keyword"}, False, "cannot be changed from type"),
        ("title", None, False, "no request takes it out of an index"),
        ("code", {"type": "keyword", "ignore_above": 99}, True, None),
        ("code", {"type": "keyword", "ignore_above": 20, "doc_values": False}, False, "doc_values"),
        ("place", {"properties": {"city": {"type": "keyword"}, "zip": {"type": "keyword"}}}, True, None),
        ("place", {"type": "nested", "properties": {"city": {"type": "keyword"}}}, False, "nested"),
        ("title", {"type": "text", "fields": {"raw": {"type": "keyword"}}}, True, None),
    ],
)
def test_what_can_be_changed_in_a_field_the_engine_tells(made, field, definition, in_place, reason):
    found = plan(made, index=changed(**{field: definition}))
    assert found["result"] == ("in_place" if in_place else "create")
    [change] = found["changes"]
    assert change["path"].startswith(field) and change["in_place"] is in_place
    assert (reason in change["reason"]) if reason else change["reason"] is None


def test_attributes_of_the_mapping(made):
    body = {**BODY, "mappings": {**BODY["mappings"], "dynamic": "false", "_meta": {"owner": "school"}}}
    found = plan(made, index=body)
    assert found["result"] == "in_place" and changes(found) == {"dynamic": True, "_meta": True}
    body = {**BODY, "mappings": {**BODY["mappings"], "_source": {"enabled": False}}}
    found = plan(made, index=body)
    assert found["result"] == "create" and changes(found) == {"_source": False}


def test_the_same_said_in_other_words_changes_nothing_in_the_index(made):
    settings = {"index": {"number_of_shards": "1"}, "index.number_of_replicas": "0", "refresh_interval": "5s"}
    found = plan(made, index={**BODY, "settings": settings})
    assert (found["result"], found["changes"]) == ("in_place", [])


def test_another_sql_needs_a_new_instance(made):
    found = plan(made, documents=courses.OTHER_DOCUMENTS, changed=courses.CHANGED)
    assert found["result"] == "create"
    parts = {change["part"]: change for change in found["changes"]}
    assert parts["documents.sql"]["before"] == courses.DOCUMENTS
    assert parts["documents.sql"]["after"] == courses.OTHER_DOCUMENTS
    assert parts["documents.sql"]["path"] == "line 1"
    assert parts["changed.sql"]["before"] is None
    assert not any(change["in_place"] for change in found["changes"])


def test_of_sql_only_the_lines_that_changed_are_shown(app):
    one = "SELECT id AS _id,\n  changed_at AS _changed_at,\n  title\nFROM course\nORDER BY id"
    courses.created(app, documents=one)
    found = plan(app, index=courses.INDEX, documents=one.replace("  title\n", "  upper(title) AS title\n"))
    [change] = found["changes"]
    assert (change["path"], change["before"], change["after"]) == ("line 3", "  title", "  upper(title) AS title")
    found = plan(app, index=courses.INDEX, documents=one.replace("FROM course\n", "FROM course\nWHERE true\n"))
    [change] = found["changes"]
    assert (change["path"], change["before"], change["after"]) == ("line 5", None, "WHERE true")


def test_people_see_a_diff(made):
    courses.declare(made, index=changed(level={"type": "integer"}), documents=courses.OTHER_DOCUMENTS)
    result = made.run("es_plan", MASTER, check=0)
    assert result.out == (
        'mappings level: in place\n  + {"type":"integer"}\n'
        "documents.sql line 1: new instance (the documents that are there were read by the old SQL)\n"
        f"  - {courses.DOCUMENTS}\n  + {courses.OTHER_DOCUMENTS}\n"
    )
    assert result.err == (
        "esmigrate: course_search: es_create would make instance 2; next: esmigrate es_create course_search\n"
    )


def test_a_reverted_declaration_is_answered_with_the_instance_that_has_it(made):
    courses.declare(made, index=BODY, documents=courses.OTHER_DOCUMENTS)
    made.ok("es_create", MASTER)
    found = plan(made)
    assert (found["result"], found["instance"]) == ("reverted", 1)
    assert found["fix"] == "esmigrate es_activate course_search 1"
    assert [change["part"] for change in found["changes"]] == ["documents.sql"]
    result = made.run("es_plan", MASTER, check=0)
    assert "this declaration is that of an older instance, 1; next: esmigrate es_activate" in result.err


def test_drift_is_what_the_live_index_has_become(app):
    body = {**BODY, "mappings": {**BODY["mappings"], "dynamic": "true"}}
    courses.created(app, index=body)
    name = app.full_name("course_search-1")
    assert plan(app, index=body)["drift"] == []
    app.engine_server.must("POST", f"{name}/_doc", {"surprise": 1})
    app.engine_server.must("PUT", f"{name}/_settings", {"index": {"refresh_interval": "77s"}})
    found = plan(app, index=body)
    assert found["result"] == "unchanged"
    drift = {change["path"]: (change["before"], change["after"]) for change in found["drift"]}
    assert drift == {"surprise": (None, '{"type":"long"}'), "index.refresh_interval": ('"5s"', '"77s"')}
    result = app.run("es_plan", MASTER, check=0)
    assert result.out == (
        'mappings surprise: drift\n  + {"type":"long"}\n'
        'settings index.refresh_interval: drift\n  - "5s"\n  + "77s"\n'
    )
    assert "warning: course_search: the live index is not as it was created" in result.err


def test_a_mapping_that_the_engine_refuses_is_wrong_use(made):
    courses.declare(made, index=changed(level={"type": "integerr"}))
    result = made.fails(2, "es_plan", MASTER)
    assert "index.json" in result.err and "integerr" in result.err
    assert made.indices() == [made.full_name("course_search-1")]


def test_sql_that_does_not_prepare_is_wrong_use(made):
    courses.declare(made, index=BODY, documents="SELECT id AS _id, titel FROM course")
    assert "documents.sql: line 1" in made.fails(2, "es_plan", MASTER).err


def test_an_index_that_is_gone_is_said(made):
    made.engine_server.must("DELETE", made.full_name("course_search-1"))
    result = made.run("es_plan", MASTER, check=0)
    assert "is gone from the engine: esmigrate es_create course_search --engine-only" in result.err
