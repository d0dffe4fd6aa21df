"""es_create --in-place: the newest instance is given what its declaration adds, wholly or not at all."""

import json

import pytest

import courses
from courses import MASTER
from faults import through_proxy
from test_plan import BODY, changed, with_settings
from test_versions import cut_lock

pytestmark = pytest.mark.either

INDEX = "course_search-1"


def added():
    """BODY with a new field and another refresh_interval."""
    return {**with_settings(refresh_interval="9s"), "mappings": changed(level={"type": "integer"})["mappings"]}


@pytest.fixture
def made(app):
    courses.filled(app, index=BODY)
    return app


def live(app):
    """(mapping without esmigrate's mark, refresh_interval, the mark)"""
    name = app.full_name(INDEX)
    index = app.engine_server.must("GET", f"{name}?flat_settings=true")[name]
    mapping = index["mappings"]
    return (
        {key: value for key, value in mapping.items() if key != "_meta"},
        index["settings"]["index.refresh_interval"],
        mapping["_meta"]["esmigrate"],
    )


def alterations(app):
    return app.sql("SELECT * FROM esmigrate.index_alteration ORDER BY started_at")


def assert_as_before(app, before):
    """Neither engine nor history has anything of the change."""
    assert live(app) == before
    row = courses.instances(app)[INDEX]
    assert json.loads(row["body"]) == BODY
    assert {row["outcome"] for row in alterations(app)} <= {"undone"}


def assert_altered(app, body):
    row = courses.instances(app)[INDEX]
    assert json.loads(row["body"]) == body
    mapping, refresh, mark = live(app)
    assert mapping["properties"]["level"] == {"type": "integer"} and refresh == "9s"
    [alteration] = [row for row in alterations(app) if row["outcome"] == "applied"]
    assert mark["altered"] == str(alteration["action_id"])
    assert json.loads(alteration["body_before"]) == BODY and json.loads(alteration["body_after"]) == body
    assert alteration["fingerprint_after"] == row["fingerprint"]
    # Whoever looks next finds nothing to do.
    [found] = app.ok("es_plan", MASTER)
    assert (found["result"], found["changes"], found["drift"]) == ("unchanged", [], [])
    assert [name for name in app.indices() if "scratch" in name] == []


def test_an_additive_change_is_made_and_recorded(made):
    before = live(made)
    courses.declare(made, index=added())
    result = made.run("es_create", MASTER, "--in-place", "-o", "json", check=0)
    [item] = result.json
    courses.assert_fields([item], courses.RESULT_FIELDS)
    assert (item["instance"], item["result"]) == (1, "altered_in_place")
    assert "es_update course_search 1 --full" in result.err
    row = courses.last_action(made)
    assert (row["action"], row["status"], row["result"], row["instance"]) == (
        "create", "complete", "altered_in_place", 1)  # fmt: skip
    assert_altered(made, added())
    assert live(made)[2]["action"] == before[2]["action"]
    assert made.indices() == [made.full_name(INDEX)]
    assert len(made.docs(INDEX)) == 3

    # It goes on as if it had been created so.
    [again] = made.ok("es_create", MASTER, "--in-place")
    assert (again["instance"], again["result"]) == (1, "unchanged")
    assert made.ok("es_create", MASTER)[0]["result"] == "unchanged"
    made.ok("es_update", MASTER, "1", "--full")
    assert made.ok("es_activate", MASTER)[0]["result"] == "activated"


def test_an_index_that_was_altered_is_made_again_as_it_was_last(made):
    courses.declare(made, index=added())
    made.ok("es_create", MASTER, "--in-place")
    made.engine_server.must("DELETE", made.full_name(INDEX))
    made.ok("es_create", MASTER, "--engine-only")
    mapping, refresh, _ = live(made)
    assert mapping["properties"]["level"] == {"type": "integer"} and refresh == "9s"


def test_a_declaration_said_in_other_words_becomes_the_instances(made):
    body = {**BODY, "settings": {"index": BODY["settings"]}}
    before = live(made)
    courses.declare(made, index=body)
    assert made.ok("es_create", MASTER, "--in-place")[0]["result"] == "altered_in_place"
    assert live(made)[:2] == before[:2]
    assert json.loads(courses.instances(made)[INDEX]["body"]) == body


def test_meta_of_the_declaration_keeps_esmigrates_mark(made):
    body = {**BODY, "mappings": {**BODY["mappings"], "_meta": {"owner": "school"}}}
    courses.declare(made, index=body)
    made.ok("es_create", MASTER, "--in-place")
    name = made.full_name(INDEX)
    meta = made.engine_server.must("GET", name)[name]["mappings"]["_meta"]
    assert meta["owner"] == "school" and set(meta["esmigrate"]) == {"action", "altered"}
    assert made.ok("es_plan", MASTER)[0]["drift"] == []
    made.ok("es_update", MASTER, "1")


@pytest.mark.parametrize(
    "files, why",
    [
        ({"index": changed(title={"type": "keyword"})}, "cannot be changed from type"),
        ({"index": with_settings(refresh_interval="9s", number_of_shards=2)}, "settings index.number_of_shards"),
        ({"index": BODY, "documents": courses.OTHER_DOCUMENTS}, "documents.sql line 1"),
    ],
)
def test_another_change_is_refused_with_the_reason_and_nothing_is_changed(made, files, why):
    before = live(made)
    courses.declare(made, **files)
    result = made.fails(1, "es_create", MASTER, "--in-place")
    assert f'"{made.full_name(INDEX)}" cannot be changed in place; nothing was changed' in result.err
    assert why in result.err
    assert "HINT: Make a new instance: esmigrate es_create course_search" in result.err
    assert_as_before(made, before)
    assert courses.last_action(made)["status"] == "failed"


def test_a_field_that_the_live_index_has_otherwise_by_now_is_refused_and_settings_are_put_back(app):
    body = {**added(), "mappings": {**added()["mappings"], "dynamic": "true"}}
    first = {**BODY, "mappings": {**BODY["mappings"], "dynamic": "true"}}
    courses.filled(app, index=first)
    app.engine_server.must("POST", app.full_name(INDEX) + "/_doc?refresh=true", {"level": "high"})
    app.engine_server.must("PUT", app.full_name(INDEX) + "/_settings", {"index": {"refresh_interval": "77s"}})
    before = live(app)
    courses.declare(app, index=body)
    result = app.fails(6, "es_create", MASTER, "--in-place")
    assert "level" in result.err and "The index is as it was before" in result.err and "es_plan" in result.err
    assert live(app) == before
    assert json.loads(courses.instances(app)[INDEX]["body"]) == first
    assert [row["outcome"] for row in alterations(app)] == ["undone"]


def test_a_dry_run_changes_nothing(made):
    before = courses.everything(made)
    courses.declare(made, index=added())
    [item] = made.ok("es_create", MASTER, "--in-place", "--dry-run")
    assert item["result"] == "altered_in_place"
    assert courses.everything(made) == before


def test_without_an_instance_there_is_nothing_to_change(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    result = app.fails(1, "es_create", MASTER, "--in-place")
    assert "has no instance that could be changed in place" in result.err
    assert "es_create course_search" in result.err


def test_a_reverted_declaration_is_answered_with_its_instance(made):
    courses.declare(made, index=BODY, documents=courses.OTHER_DOCUMENTS)
    made.ok("es_create", MASTER)
    courses.declare(made, index=BODY)
    result = made.fails(1, "es_create", MASTER, "--in-place")
    assert "instance 1 has this declaration" in result.err and "es_activate course_search 1" in result.err


def test_wrong_use(made):
    assert "--force" in made.fails(2, "es_create", MASTER, "--in-place", "--force").err
    assert "the newest instance" in made.fails(2, "es_create", MASTER, "1", "--in-place").err


def test_an_update_that_runs_is_not_disturbed(made):
    before = live(made)
    courses.declare(made, index=added())
    with through_proxy(made) as proxy:
        held = proxy.hold("POST", "/_bulk", "before")
        made.sql("UPDATE course SET changed_at = now()")
        update = made.start("es_update", MASTER, "1")
        held.wait()
        made.fails(7, "es_create", MASTER, "--in-place")
        assert live(made) == before
        held.release()
        update.wait(check=0)
    assert made.ok("es_create", MASTER, "--in-place")[0]["result"] == "altered_in_place"


# ---- cut short


@pytest.mark.parametrize(
    "method, path, when, is_altered",
    [
        ("PUT", "course_search-1/_settings", "before", False),
        ("PUT", "course_search-1/_settings", "after", False),
        ("PUT", "course_search-1/_mapping", "before", False),
        ("PUT", "course_search-1/_mapping", "after", True),
    ],
)
def test_killed_between_two_calls_the_next_command_finds_out(made, method, path, when, is_altered):
    before = live(made)
    courses.declare(made, index=added())
    with through_proxy(made) as proxy:
        held = proxy.hold(method, path, when)
        process = made.start("es_create", MASTER, "--in-place")
        held.wait()
        process.kill()
    result = made.run("es_activate", MASTER, "1")
    found = f'index "{made.full_name(INDEX)}" was {"" if is_altered else "not "}changed in place'
    assert f"an es_create had crashed: {found}" in result.err
    [row] = [row for row in made.history() if row["status"] == "interrupted"]
    assert found in row["error"]
    if is_altered:
        assert_altered(made, added())
    else:
        assert_as_before(made, before)
    assert made.ok("es_create", MASTER, "--in-place")[0]["result"] == ("unchanged" if is_altered else "altered_in_place")
    assert_altered(made, added())


@pytest.mark.parametrize("when, is_altered", [("before", False), ("after", True)])
def test_an_answer_that_is_lost_is_found_out_at_once(made, when, is_altered):
    before = live(made)
    courses.declare(made, index=added())
    with through_proxy(made) as proxy:
        proxy.replace("PUT", "course_search-1/_mapping", 504, when)
        result = made.run("es_create", MASTER, "--in-place")
    if is_altered:
        assert result.code == 0, result
        assert_altered(made, added())
    else:
        assert result.code == 6 and "The index is as it was before" in result.err, result
        assert_as_before(made, before)


def test_an_engine_that_is_gone_for_good_leaves_it_open_for_the_next_command(made):
    courses.declare(made, index=added())
    with through_proxy(made) as proxy:
        proxy.lose("PUT", "course_search-1/_mapping", "after", for_good=True)
        result = made.fails(6, "es_create", MASTER, "--in-place")
    assert "Whether the index was changed is not known" in result.err
    assert courses.last_action(made)["status"] == "running"
    assert made.ok("es_create", MASTER, "--in-place")[0]["result"] == "unchanged"
    assert_altered(made, added())


@pytest.mark.parametrize("undoes", [False, True], ids=["makes", "undoes"])
def test_a_replaced_change_is_neither_made_nor_undone_any_more(made, undoes):
    courses.declare(made, index={**added(), "mappings": changed(other={"type": "keyword"})["mappings"]})
    with through_proxy(made) as proxy:
        held = proxy.hold("PUT", "course_search-1/_settings", "after")
        process = made.start("es_create", MASTER, "--in-place")
        held.wait()
        if undoes:
            proxy.replace("PUT", "course_search-1/_mapping", 504, "before")
            settings, held = held, proxy.hold("GET", "course_search-1/_mapping", "after")
            settings.release()
            held.wait()
        cut_lock(made)
        courses.declare(made, index=added())
        assert made.ok("es_create", MASTER, "--in-place")[0]["result"] == "altered_in_place"
        held.release()
        result = process.wait()
    assert result.code > 0
    assert "the lock is lost" in result.err or "this run was replaced" in result.err, result
    assert_altered(made, added())
    assert "other" not in live(made)[0]["properties"]
