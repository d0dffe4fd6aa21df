"""es_list: every master and instance, as history, engine and files have them."""

import shutil

import pytest

import courses

pytestmark = pytest.mark.either

MASTER = courses.MASTER
STATES = ("empty", "loading", "ready", "cleared", "missing", "dropped")
LIST_FIELDS = {
    "master": courses.is_text,
    "instance": courses.is_count,
    "index": courses.is_text,
    "active": courses.is_bool,
    "state": lambda value: value in STATES,
    "docs": courses.or_null(courses.is_count),
    "changed_through": courses.or_null(courses.is_time),
    "deletes": lambda value: value in ("tracked", "full only"),
    "kept_until": courses.or_null(courses.is_time),
    "created_at": courses.is_time,
    "tag": courses.or_null(courses.is_text),
}
NOWHERE = "http://127.0.0.1:1"


def shown(items, *fields):
    return [tuple(item[field] for field in fields) for item in items]


def test_list_shows_masters_instances_and_what_is_only_declared(app):
    courses.make_courses(app)
    app.ok("es_init")
    assert app.ok("es_list") == []
    courses.declare(app, changed=courses.CHANGED)
    app.ok("es_create", MASTER, "--tag", "release 7")
    app.ok("es_update", MASTER, "1")
    app.ok("es_activate", MASTER)
    (app.indexes / MASTER / "changed.sql").unlink()
    app.ok("es_create", MASTER)
    courses.declare(app, "author_search")
    before = courses.everything(app)

    items = app.ok("es_list")
    [declared] = [item for item in items if item["master"] == "author_search"]
    made = [item for item in items if item["master"] == MASTER]
    courses.assert_fields(made, LIST_FIELDS)
    assert shown(made, "master", "instance", "active", "state", "docs", "deletes", "tag") == [
        (MASTER, 1, True, "ready", 3, "tracked", "release 7"),
        (MASTER, 2, False, "empty", 0, "full only", None),
    ]
    assert [item["index"] for item in made] == [app.full_name("course_search-1"), app.full_name("course_search-2")]
    one = courses.instances(app)["course_search-1"]
    assert courses.moment(made[0]["changed_through"]) == one["changed_through"]
    assert courses.moment(made[0]["created_at"]) == one["created_at"]
    assert made[1]["changed_through"] is None

    assert sorted(declared) == sorted(made[0])
    assert (declared["master"], declared["active"]) == ("author_search", False)
    assert declared["instance"] is None and declared["index"] is None and declared["docs"] is None
    # It only looks.
    assert courses.everything(app) == before


def test_a_master_without_instances_is_an_object_without_instance_and_index(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app, documents="SELECT 1")
    app.fails(2, "es_create", MASTER)
    wanted = [(MASTER, None, None, False, None)]
    assert shown(app.ok("es_list"), "master", "instance", "index", "active", "docs") == wanted
    # Nobody wants it any more, unless it is asked for.
    shutil.rmtree(app.indexes / MASTER)
    assert app.ok("es_list") == []
    assert shown(app.ok("es_list", MASTER), "master", "instance", "index", "active", "docs") == wanted
    courses.declare(app)
    app.ok("es_create", MASTER)
    app.ok("es_drop", MASTER, "1", "--yes")
    shutil.rmtree(app.indexes)
    assert shown(app.ok("es_list"), "master", "instance", "state") == [(MASTER, 1, "dropped")]


def test_names_choose_what_is_listed_and_unknown_ones_are_wrong_use(app):
    courses.created(app)
    courses.declare(app, "author_search")
    courses.declare(app, "book_search")
    app.ok("es_create", "author_search")
    assert shown(app.ok("es_list", MASTER), "master") == [(MASTER,)]
    assert sorted(shown(app.ok("es_list", "book_search", MASTER), "master")) == [("book_search",), (MASTER,)]
    result = app.fails(2, "es_list", "nothing_search")
    assert '"nothing_search"' in result.err and "esmigrate es_list" in result.err


def test_with_the_engine_down_the_history_is_listed(app):
    courses.activated(app)
    app.ok("es_create", MASTER, "--force")
    result = app.run("es_list", "--engine", NOWHERE, "-o", "json", check=0)
    courses.assert_fields(result.json, LIST_FIELDS)
    assert shown(result.json, "instance", "active", "state", "docs") == [
        (1, True, "ready", None),
        (2, False, "empty", None),
    ]
    assert "esmigrate: warning: " in result.err
    table = app.run("es_list", "--engine", NOWHERE, check=0)
    assert app.full_name("course_search-1") in table.out


def test_states_follow_what_is_done(app):
    courses.filled(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_create", MASTER, "--force")
    app.ok("es_create", MASTER, "--force")
    app.ok("es_clear", MASTER, "1", "--yes")
    app.ok("es_drop", MASTER, "2", "--yes")
    app.engine_server.must("DELETE", app.full_name("course_search-3"))
    items = app.ok("es_list")
    courses.assert_fields(items, LIST_FIELDS)
    assert shown(items, "instance", "state", "docs", "changed_through") == [
        (1, "cleared", 0, None),
        (2, "dropped", None, None),
        (3, "missing", None, None),
        (4, "empty", 0, None),
    ]


def test_the_table_has_no_docs_where_there_is_no_index(app):
    """A question mark is for what could be counted, if only the engine said so."""
    courses.created(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_drop", MASTER, "1", "--yes")
    courses.declare(app, "author_search")
    [header, *rows] = app.run("es_list", check=0).out.splitlines()
    end = header.index("docs") + len("docs")
    assert [row[:end].split()[-1] for row in rows] == ["dropped", "0", "author_search"]
    [header, *rows] = app.run("es_list", "--engine", NOWHERE, check=0).out.splitlines()
    end = header.index("docs") + len("docs")
    assert [row[:end].split()[-1] for row in rows] == ["dropped", "?", "author_search"]


def test_a_closed_index_does_not_hide_the_others(app):
    courses.filled(app)
    app.ok("es_create", MASTER, "--force")
    closed = app.full_name("course_search-2")
    app.engine_server.must("POST", f"{closed}/_close")
    result = app.run("es_list", "-o", "json", check=0)
    assert shown(result.json, "instance", "docs") == [(1, 3), (2, None)]
    assert "esmigrate: warning: " in result.err and closed in result.err


def test_a_foreign_index_is_said_beside_ours_and_in_the_place_of_ours(app):
    courses.created(app)
    app.engine_server.must("PUT", app.full_name("course_search-7"))
    result = app.run("es_list", "-o", "json", check=0)
    assert shown(result.json, "instance", "state") == [(1, "empty")]
    assert "warning: " in result.err and app.full_name("course_search-7") in result.err
    index = app.full_name("course_search-1")
    app.engine_server.must("DELETE", index)
    app.engine_server.must("PUT", f"{index}/_doc/1?refresh=true", {"theirs": True})
    result = app.run("es_list", "-o", "json", check=0)
    assert shown(result.json, "state", "docs") == [("missing", None)]
    assert f'warning: index "{index}"' in result.err


def test_an_alias_moved_or_taken_off_by_hand_is_said(app):
    courses.activated(app)
    assert app.run("es_list", check=0).err == ""
    app.ok("es_create", MASTER, "--force")
    alias = app.full_name(MASTER)
    actions = [
        {"remove": {"index": app.full_name("course_search-1"), "alias": alias}},
        {"add": {"index": app.full_name("course_search-2"), "alias": alias}},
    ]
    app.engine_server.must("POST", "_aliases", {"actions": actions})
    result = app.run("es_list", check=0)
    assert f'warning: alias "{alias}"' in result.err
    assert app.full_name("course_search-1") in result.err and app.full_name("course_search-2") in result.err
    app.engine_server.must("DELETE", f"{app.full_name('course_search-2')}/_alias/{alias}")
    assert f'warning: alias "{alias}" points to no index' in app.run("es_list", check=0).err


def test_the_table_has_a_heading_and_a_line_for_each_with_or_without_the_folder(app):
    courses.activated(app)
    heading, line = app.run("es_list", check=0).out.splitlines()
    assert heading.split()[:6] == ["master", "instance", "index", "active", "state", "docs"]
    assert line.split()[:3] == [MASTER, "1", app.full_name("course_search-1")]
    assert "ready" in line
    shutil.rmtree(app.indexes)
    assert app.run("es_list", check=0).out.splitlines() == [heading, line]
