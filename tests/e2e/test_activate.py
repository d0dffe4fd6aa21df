"""es_activate: points the alias, and the history, at an instance."""

import courses

MASTER = courses.MASTER


def expect_active(app, index):
    assert app.alias(MASTER) == [app.full_name(index)]
    assert courses.active_index(app) == index


def test_activate_points_the_alias_at_the_newest_instance(app):
    courses.filled(app)
    items = app.ok("es_activate", MASTER)
    courses.assert_fields(items, courses.RESULT_FIELDS)
    [item] = items
    assert (item["action"], item["master"], item["instance"], item["result"]) == ("activate", MASTER, 1, "activated")
    expect_active(app, "course_search-1")
    assert courses.titles(app, MASTER) == {"1": "Course 1", "2": "Course 2", "3": "Course 3"}
    row = courses.last_action(app)
    assert (str(row["id"]), row["action"], row["status"]) == (item["id"], "activate", "complete")
    assert (row["result"], row["instance"]) == ("activated", 1)
    assert courses.instances(app)["course_search-1"]["activated_at"] is not None

    courses.second_instance(app)
    app.ok("es_update", MASTER, "--last")
    assert app.ok("es_activate", MASTER)[0]["instance"] == 2
    expect_active(app, "course_search-2")


def test_already_active_changes_nothing_but_leaves_a_row(app):
    courses.activated(app)
    before = courses.everything(app)[1:]
    [item] = app.ok("es_activate", MASTER)
    courses.assert_fields([item], courses.RESULT_FIELDS)
    assert item["result"] == "already_active"
    assert courses.everything(app)[1:] == before
    row = courses.last_action(app)
    assert (row["action"], row["status"], row["result"]) == ("activate", "complete", "already_active")


def test_a_number_names_the_instance_whatever_the_files_are(app):
    courses.activated(app)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    assert app.ok("es_activate", MASTER, "2")[0]["result"] == "activated"
    expect_active(app, "course_search-2")
    courses.declare(app, documents="SELECT 1 AS _id")
    assert app.ok("es_activate", "course_search-1")[0]["result"] == "activated"
    expect_active(app, "course_search-1")


def test_an_instance_that_never_completed_a_full_update_needs_force(app):
    courses.created(app)
    result = app.fails(1, "es_activate", MASTER)
    assert "has completed no full update" in result.err
    assert "HINT: " in result.err and "esmigrate es_update course_search 1" in result.err
    assert app.alias(MASTER) == []
    assert courses.active_index(app) is None
    row = courses.last_action(app)
    assert (row["action"], row["status"], row["instance"]) == ("activate", "failed", 1)
    assert app.ok("es_activate", MASTER, "--force")[0]["result"] == "activated"
    expect_active(app, "course_search-1")


def test_a_cleared_instance_is_not_activated_before_it_is_filled_again(app):
    courses.filled(app)
    app.ok("es_clear", "course_search-1", "--yes")
    app.fails(1, "es_activate", MASTER)
    app.ok("es_update", MASTER, "1")
    assert app.ok("es_activate", MASTER)[0]["result"] == "activated"


def test_without_a_number_the_newest_instance_must_be_that_of_the_files(app):
    courses.activated(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    result = app.fails(1, "es_activate", MASTER)
    assert "HINT: " in result.err and "esmigrate es_create course_search" in result.err
    # Files of an older instance: it is named.
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "2")
    courses.declare(app)
    result = app.fails(1, "es_activate", MASTER)
    assert "HINT: Instance 1 was made from it" in result.err
    expect_active(app, "course_search-1")


def test_unknown_instances_and_masters(app):
    courses.filled(app)
    result = app.fails(1, "es_activate", MASTER, "2")
    assert "has no live instance 2" in result.err
    assert '"nothing_search"' in app.fails(2, "es_activate", "nothing_search").err
    assert app.alias(MASTER) == []


def test_an_instance_whose_index_is_gone_or_not_ours_is_refused(app):
    courses.filled(app)
    index = app.full_name("course_search-1")
    app.engine_server.must("DELETE", index)
    result = app.fails(1, "es_activate", MASTER)
    assert "gone from the engine" in result.err and "--engine-only" in result.err
    app.engine_server.must("PUT", index)
    result = app.fails(1, "es_activate", MASTER)
    assert "not the one esmigrate made" in result.err
    assert app.alias(MASTER) == []
    assert courses.active_index(app) is None


def test_several_masters_are_activated_under_a_parent_row(app):
    courses.filled(app)
    courses.declare(app, "author_search")
    app.ok("es_create", "author_search")
    app.ok("es_update", "author_search", "1")
    items = app.ok("es_activate", MASTER, "author_search")
    assert [(item["master"], item["result"]) for item in items] == [
        (MASTER, "activated"),
        ("author_search", "activated"),
    ]
    parent = courses.last_action(app)
    assert (parent["action"], parent["master"], parent["instance"]) == ("activate", None, None)
    parts = [row for row in app.history() if row["parent_id"] == parent["id"]]
    assert [(row["action"], row["master"]) for row in parts] == [("activate", MASTER), ("activate", "author_search")]
