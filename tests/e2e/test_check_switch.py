"""es_check: what a switch would be refused for, or has left behind: aliases, commands, durations."""

import courses
import pytest
from courses import MASTER
from test_check import NO_REPLICAS, assert_line, check, well

pytestmark = pytest.mark.either


def test_an_index_that_bears_the_alias_name_fails(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    app.engine_server.must("PUT", app.full_name(MASTER))
    assert_line(check(app, 1), "alias_name", "failed", app.full_name(MASTER), "--replace-index")


def move(app, action, index, alias):
    action = {action: {"index": app.full_name(index), "alias": app.full_name(alias)}}
    app.engine_server.must("POST", "_aliases", {"actions": [action]})


def test_an_alias_with_which_every_switch_would_be_refused_fails(app):
    well(app)
    app.engine_server.must("PUT", app.full_name("theirs"))
    app.ok("es_create", MASTER, "--force")
    # On two, whose ever they are.
    for index in ("theirs", "course_search-2"):
        move(app, "add", index, MASTER)
        found = check(app, 1)
        assert_line(found, "alias", "failed", f'"{app.full_name(index)}"')
        assert " and " in found["alias"]["value"] or "no instance" in found["alias"]["value"]
        app.fails(1, "es_activate", MASTER, "1")
        move(app, "remove", index, MASTER)
    # On another instance: the next command finds that out, and works from there.
    move(app, "add", "course_search-2", MASTER)
    move(app, "remove", "course_search-1", MASTER)
    assert_line(check(app, 0), "alias", "warning", app.full_name("course_search-2"), "es_list")
    # On an index of someone else alone.
    move(app, "add", "theirs", MASTER)
    move(app, "remove", "course_search-2", MASTER)
    assert_line(check(app, 1), "alias", "failed", f'points to "{app.full_name("theirs")}"')
    # Of a master that the history does not know.
    courses.declare(app, "new_search", index=NO_REPLICAS)
    move(app, "add", "course_search-1", "new_search")
    result = app.run("es_check", "new_search", "-o", "json", check=1)
    assert_line({line["check"]: line for line in result.json}, "alias", "failed", "no instance of new_search")


def test_the_way_back_needs_the_index_that_is_kept(app):
    well(app, master={"keep": "1 hour"})
    assert_line(check(app, 0), "rollback", "ok", "no instance is kept")
    app.ok("es_create", MASTER, "--force")
    app.ok("es_deploy", MASTER)
    kept = app.full_name("course_search-1")
    assert_line(check(app, 0), "rollback", "ok", f'"{kept}", kept until 20')
    app.engine_server.must("DELETE", kept)
    assert_line(check(app, 0), "rollback", "warning", f'index "{kept}" is gone', "es_create course_search --engine-only")
    app.ok("es_create", MASTER, "--engine-only")
    assert_line(check(app, 0), "rollback", "ok", kept)


def test_further_aliases_that_a_switch_could_not_move_fail(app):
    well(app, master={"read_alias": "courses_read", "aliases": ["courses_all"]})
    assert_line(check(app, 0), "further_aliases", "ok", "2 in master.json")
    app.engine_server.must("PUT", app.full_name("theirs"))
    courses.declare(app, "author_search")
    app.ok("es_create", "author_search")
    move(app, "add", "theirs", "courses_more")
    for key, name, value in (
        ("write_alias", "theirs", "is an index"),
        ("read_alias", "courses_more", f'points to "{app.full_name("theirs")}", which is no instance of course_search'),
        ("read_alias", "author_search", "is the alias of another master"),
    ):
        courses.declare(app, master={key: name})
        assert_line(check(app, 1), "further_aliases", "failed", f'{key}: "{app.full_name(name)}" {value}',
                    f'Give it another name than "{name}" in master.json')


def test_a_further_alias_that_the_last_switch_has_left_behind_is_a_warning(app):
    well(app, master={"write_alias": "courses_write"})
    app.ok("es_create", MASTER, "--force")
    move(app, "add", "course_search-2", "courses_write")
    assert_line(check(app, 0), "further_aliases", "warning", f'points to "{app.full_name("course_search-2")}"',
                "esmigrate es_activate course_search 1 puts it on")
    app.declare(MASTER, master={"write_alias": "courses_new"})
    assert_line(check(app, 0), "further_aliases", "warning", "points to no index")


def test_hooks_without_which_a_switch_would_be_refused_are_a_warning(app):
    well(app, master={"stop_indexing": "true", "resume_indexing": "true", "require_stop_indexing": True})
    assert_line(check(app, 0), "hooks", "ok", "both")
    app.declare(MASTER, master={"require_stop_indexing": True})
    assert_line(check(app, 0), "hooks", "warning", "require_stop_indexing without", "--stop-indexing")
    app.fails(2, "es_activate", MASTER)
    app.declare(MASTER, master={"stop_indexing": "true"})
    assert_line(check(app, 0), "hooks", "warning", "without resume_indexing", "--resume-indexing")
    app.fails(2, "es_activate", MASTER)


def test_indexing_that_a_switch_left_stopped_is_said_until_it_is_resumed(app):
    well(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_update", MASTER, "2")
    assert "stopped" not in app.run("es_list", check=0).err
    assert_line(check(app, 0), "indexing", "ok", "not stopped")
    app.fails(1, "es_activate", MASTER, "2", "--stop-indexing", "true", "--resume-indexing", "false")
    said = f"{MASTER}: the es_activate begun at "
    for command in (("es_list",), ("es_list", MASTER)):
        err = app.run(*command, check=0).err
        assert said in err and "stopped indexing at" in err and f"esmigrate es_check {MASTER}" in err
    fix = "esmigrate es_activate course_search 2 --resume-indexing COMMAND"
    assert_line(check(app, 3), "indexing", "pending", "by the es_activate begun at", fix)
    app.declare(MASTER, master={"resume_indexing": "true"})
    assert_line(check(app, 3), "indexing", "pending", "stopped at", "esmigrate es_activate course_search 2 calls")
    app.ok("es_activate", MASTER, "2")
    assert said not in app.run("es_list", check=0).err
    assert_line(check(app, 0), "indexing", "ok", "not stopped")


def test_durations_that_are_none_fail(app):
    well(app, master={"keep": "3 hours", "retain": "7 days", "hook_timeout": "90"})
    assert_line(check(app, 0), "durations", "ok", "3 in master.json")
    for key in ("keep", "retain", "hook_timeout"):
        app.declare(MASTER, master={key: "3 hors"})
        assert_line(check(app, 1), "durations", "failed", f'"{key}" in master.json: "3 hors" is not an interval',
                    "72 hours")
