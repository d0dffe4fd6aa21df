"""es_clear and es_drop: what they take away, what they keep, and what guards them."""

import os
import pty
import subprocess

import courses
import harness
import pytest
from faults import late_bulk

pytestmark = pytest.mark.either

MASTER = courses.MASTER


def two_instances(app):
    """course_search-1, filled; course_search-2, filled and active."""
    courses.filled(app)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    app.ok("es_activate", MASTER, "2")


# ---- es_clear


def test_clear_removes_the_documents_and_keeps_the_index(app):
    courses.filled(app)
    before = courses.instances(app)["course_search-1"]
    items = app.ok("es_clear", "course_search-1", "--yes")
    courses.assert_fields(items, courses.RESULT_FIELDS)
    assert [(item["action"], item["instance"], item["result"]) for item in items] == [("clear", 1, "cleared")]
    assert app.docs("course_search-1") == {}
    after = courses.instances(app)["course_search-1"]
    assert (after["state"], after["changed_through"]) == ("cleared", None)
    settings = app.engine_server.must("GET", app.full_name("course_search-1") + "/_settings")
    assert settings[app.full_name("course_search-1")]["settings"]["index"]["uuid"] == before["index_uuid"]
    row = courses.last_action(app)
    assert (str(row["id"]), row["status"], row["result"]) == (items[0]["id"], "complete", "cleared")
    assert (row["docs_deleted"], row["docs_sent"]) == (3, 3)


def test_an_update_after_a_clear_is_full(app):
    courses.filled(app)
    app.ok("es_clear", MASTER, "1", "--yes")
    [item] = app.ok("es_update", MASTER, "1")
    assert (item["mode"], item["indexed"], item["deleted"], item["superseded"]) == ("full", 3, 0, 0)
    assert courses.titles(app, "course_search-1") == {"1": "Course 1", "2": "Course 2", "3": "Course 3"}
    assert courses.instances(app)["course_search-1"]["state"] == "ready"


def test_a_clear_removes_all_though_a_search_returns_few_documents(app):
    courses.filled(app, count=9, index={**courses.INDEX, "settings": {"index.max_result_window": 2}})
    app.ok("es_clear", f"{MASTER}-1", "--yes")
    assert courses.last_action(app)["docs_deleted"] == 9
    assert app.engine_server.must("GET", app.full_name(f"{MASTER}-1") + "/_count")["count"] == 0


def test_a_clear_waits_for_the_requests_of_a_killed_run(app):
    courses.filled(app, index={"settings": {"number_of_shards": 1, "number_of_replicas": 1}})
    with late_bulk(app, f"{MASTER}-1", {"index": {"_id": "late"}}, {"title": "Late"}) as ended:
        app.ok("es_clear", f"{MASTER}-1", "--yes")
        assert ended()


# ---- es_drop


def test_drop_deletes_the_index_and_keeps_the_history(app):
    two_instances(app)
    before = courses.instances(app)["course_search-1"]
    items = app.ok("es_drop", MASTER, "1", "--yes")
    courses.assert_fields(items, courses.RESULT_FIELDS)
    assert [(item["action"], item["instance"], item["result"]) for item in items] == [("drop", 1, "dropped")]
    assert app.indices() == [app.full_name("course_search-2")]
    assert app.alias(MASTER) == [app.full_name("course_search-2")]
    after = courses.instances(app)["course_search-1"]
    assert after["state"] == "dropped" and after["dropped_at"] is not None
    assert (after["documents_sql"], after["fingerprint"]) == (before["documents_sql"], before["fingerprint"])
    row = courses.last_action(app)
    assert (str(row["id"]), row["status"], row["result"]) == (items[0]["id"], "complete", "dropped")

    [listed] = [item for item in app.ok("es_list") if item["instance"] == 1]
    assert (listed["state"], listed["docs"], listed["active"]) == ("dropped", None, False)
    result = app.fails(1, "es_update", MASTER, "1")
    assert "has no live instance 1" in result.err and "There are: 2" in result.err
    app.fails(1, "es_drop", MASTER, "1", "--yes")


def test_older_are_the_numbers_below_the_active_one(app):
    courses.filled(app)
    for _ in range(3):
        app.ok("es_create", MASTER, "--force")
    app.ok("es_activate", MASTER, "3", "--force")
    items = app.ok("es_drop", MASTER, "--older", "--yes")
    assert [(item["instance"], item["result"]) for item in items] == [(1, "dropped"), (2, "dropped")]
    assert app.indices() == [app.full_name("course_search-3"), app.full_name("course_search-4")]
    parent, *parts = app.history()[-3:]
    assert (parent["action"], parent["status"], parent["instance"]) == ("drop", "complete", None)
    assert {row["parent_id"] for row in parts} == {parent["id"]}
    assert app.ok("es_drop", MASTER, "--older", "--yes") == []


def test_older_without_an_active_instance_is_refused(app):
    courses.filled(app)
    result = app.fails(1, "es_drop", MASTER, "--older", "--yes")
    assert "has no active instance" in result.err and "HINT: " in result.err
    assert app.indices() == [app.full_name("course_search-1")]


def test_all_with_an_active_instance_needs_force_and_else_drops_none(app):
    two_instances(app)
    result = app.fails(1, "es_drop", MASTER, "--all", "--yes")
    assert app.full_name("course_search-2") in result.err and "--force" in result.err
    assert len(app.indices()) == 2

    items = app.ok("es_drop", MASTER, "--all", "--yes", "--force")
    assert [(item["instance"], item["result"]) for item in items] == [(1, "dropped"), (2, "dropped")]
    assert app.indices() == app.alias(MASTER) == []
    assert courses.active_index(app) is None
    assert {row["state"] for row in courses.instances(app).values()} == {"dropped"}
    assert app.ok("es_create", MASTER)[0]["instance"] == 3


def test_drop_of_an_index_that_is_gone_already_settles_the_history(app):
    courses.filled(app)
    app.engine_server.must("DELETE", app.full_name("course_search-1"))
    result = app.run("es_drop", MASTER, "1", "--yes", "-o", "json", check=0)
    assert result.json[0]["result"] == "dropped"
    assert "warning: " in result.err and "gone from the engine" in result.err
    assert courses.instances(app)["course_search-1"]["state"] == "dropped"


def test_an_index_that_is_not_ours_is_neither_dropped_nor_cleared(app):
    courses.filled(app)
    index = app.full_name("course_search-1")
    app.engine_server.must("DELETE", index)
    app.engine_server.must("PUT", f"{index}/_doc/1?refresh=true", {"theirs": True})
    for command in ("es_drop", "es_clear"):
        result = app.fails(1, command, MASTER, "1", "--yes")
        assert "not the one esmigrate made" in result.err
    assert app.docs(index) == {"1": {"theirs": True}}
    assert courses.instances(app)["course_search-1"]["dropped_at"] is None


# ---- guards of both


@pytest.mark.parametrize("command", ["es_clear", "es_drop"])
def test_the_active_instance_is_refused_without_force(app, command):
    courses.activated(app)
    result = app.fails(1, command, MASTER, "1", "--yes")
    assert "is active" in result.err and "--force" in result.err
    assert len(app.docs(MASTER)) == 3
    result = app.fails(8, command, MASTER, "1", "--force")
    assert len(app.docs(MASTER)) == 3

    done = {"es_clear": "cleared", "es_drop": "dropped"}
    assert app.ok(command, MASTER, "1", "--force", "--yes")[0]["result"] == done[command]
    if command == "es_clear":
        assert app.docs("course_search-1") == {}
        assert app.alias(MASTER) == [app.full_name("course_search-1")]
    else:
        assert app.indices() == []
        assert courses.active_index(app) is None


@pytest.mark.parametrize("command", ["es_clear", "es_drop"])
def test_readers_of_a_moved_alias_are_guarded_too(app, command):
    two_instances(app)
    actions = [
        {"remove": {"index": app.full_name("course_search-2"), "alias": app.full_name(MASTER)}},
        {"add": {"index": app.full_name("course_search-1"), "alias": app.full_name(MASTER)}},
    ]
    app.engine_server.must("POST", "_aliases", {"actions": actions})
    assert "is active" in app.fails(1, command, MASTER, "1", "--yes").err
    assert len(app.docs("course_search-1")) == 3


@pytest.mark.parametrize("command", [["es_clear", MASTER, "1"], ["es_drop", MASTER, "1"], ["es_drop", MASTER, "--older"]])
def test_what_bears_another_alias_is_guarded_too(app, command):
    """An application that writes through it would make an index of its name with the next document."""
    two_instances(app)
    alias = {"index": app.full_name("course_search-1"), "alias": app.full_name("courses_write"), "is_write_index": True}
    app.engine_server.must("POST", "_aliases", {"actions": [{"add": alias}]})
    result = app.fails(1, *command, "--yes")
    assert f'is used: alias "{app.full_name("courses_write")}" points to it' in result.err and "--force" in result.err
    assert len(app.docs("course_search-1")) == 3
    app.ok(*command, "--yes", "--force")


def test_without_a_terminal_yes_is_needed(app):
    courses.filled(app)
    before = courses.everything(app)
    for command in ("es_clear", "es_drop"):
        for spelling in (("course_search-1",), (MASTER, "1")):
            result = app.fails(8, command, *spelling, input="y\n")
            assert "not confirmed" in result.err and "--yes" in result.err
    assert app.fails(8, "es_drop", MASTER, "--all").out == ""
    assert courses.everything(app) == before
    assert app.ok("es_drop", MASTER, "1", "-y")[0]["result"] == "dropped"


def test_an_instance_must_be_named(app):
    courses.filled(app)
    for command in ("es_clear", "es_drop"):
        result = app.fails(2, command, MASTER, "--yes")
        assert "which instance" in result.err and "HINT: " in result.err
        app.fails(2, command, "--yes")
        app.fails(2, command, "nothing_search-1", "--yes")
        assert "has no live instance 7" in app.fails(1, command, MASTER, "7", "--yes").err
    app.fails(2, "es_drop", MASTER, "--older", "--all", "--yes")
    assert len(app.docs("course_search-1")) == 3


def on_terminal(app, words, answer, meanwhile=None):
    """(exit code, stdout, what stood on the terminal) of a run with a terminal for stdin and stderr.

    `meanwhile` is called when the question stands, before it is answered.
    """
    ours, theirs = pty.openpty()
    argv = [str(harness.BINARY), *words]
    with subprocess.Popen(
        argv, env=app.env, cwd=app.folder, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True
    ) as process:
        asked = b""
        while meanwhile and b"[y/N]" not in asked:
            asked += os.read(ours, 100_000)
        if meanwhile:
            meanwhile()
        os.write(ours, answer.encode())
        out = process.stdout.read()
        code = process.wait(60)
    os.set_blocking(ours, False)
    seen = (asked + os.read(ours, 100_000)).decode()
    os.close(ours)
    os.close(theirs)
    return code, out, seen


def test_on_a_terminal_it_shows_the_plan_and_asks(app):
    courses.filled(app)
    code, out, seen = on_terminal(app, ["es_drop", MASTER, "1"], "n\n")
    assert (code, out) == (8, "")
    assert app.full_name("course_search-1") in seen and "[y/N]" in seen
    assert len(app.docs("course_search-1")) == 3
    code, out, seen = on_terminal(app, ["es_drop", MASTER, "1"], "y\n")
    assert code == 0 and "dropped" in out
    assert app.indices() == []


def test_a_number_and_all_are_wrong_use_together(app):
    courses.filled(app)
    for words in ((MASTER, "1"), ("course_search-1",)):
        for choice in ("--all", "--older"):
            app.fails(2, "es_drop", *words, choice, "--yes")
    assert len(app.docs("course_search-1")) == 3


def test_what_was_confirmed_is_what_is_dropped(app):
    """While the question stands, a newer instance becomes active: --older would then be one more."""
    two_instances(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_update", MASTER, "3")

    def meanwhile():
        app.run("es_activate", MASTER, "3", check=0)

    code, out, seen = on_terminal(app, ["es_drop", MASTER, "--older"], "y\n", meanwhile)
    assert code == 0, seen
    assert app.full_name("course_search-1") in seen and app.full_name("course_search-2") not in seen
    assert app.indices() == [app.full_name("course_search-2"), app.full_name("course_search-3")]
    assert app.alias(MASTER) == [app.full_name("course_search-3")]
    assert courses.instances(app)["course_search-2"]["state"] != "dropped"
