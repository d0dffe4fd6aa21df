""""keep" of master.json: for so long the instance that was active before is updated with the active one."""

import pytest

import courses
from faults import through_proxy
from test_switch import move_by_hand

pytestmark = pytest.mark.either

MASTER = courses.MASTER


def switched(app, keep="1 hour", **files):
    """course_search-2 has been activated after -1, whose SQL alone reads the view lecture."""
    courses.make_courses(app)
    app.ok("es_init")
    app.sql("CREATE VIEW lecture AS SELECT * FROM course")
    courses.declare(app, documents="SELECT id AS _id, changed_at AS _changed_at, title FROM lecture")
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "1")
    app.ok("es_activate", MASTER)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS, master={"keep": keep} if keep else {}, **files)
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "2")
    app.ok("es_activate", MASTER)


def numbers(items):
    return [item["instance"] for item in items]


def kept(app):
    return [name for name, row in courses.instances(app).items() if row["kept_until"] is not None]


def end_of_keeping(app):
    app.sql("UPDATE esmigrate.index_instance SET kept_until = now() - interval '1 second' WHERE kept_until IS NOT NULL")


def test_an_update_updates_both_the_active_one_first(app):
    switched(app)
    assert kept(app) == ["course_search-1"]
    listed = app.run("es_list", "-o", "json", check=0)
    assert [(item["instance"], item["kept_until"] is not None) for item in listed.json] == [(1, True), (2, False)]
    assert f"{app.full_name('course_search-1')}: kept up to date for es_rollback until 2" in listed.err
    courses.rename(app, 1, "New")
    items = app.ok("es_update", MASTER)
    assert numbers(items) == [2, 1]
    assert [item["status"] for item in items] == ["complete", "complete"]
    assert courses.titles(app, "course_search-2")["1"] == "NEW"
    assert courses.titles(app, "course_search-1")["1"] == "New"
    parent, *rows = app.history()[-3:]
    assert [(row["instance"], row["status"], row["parent_id"]) for row in rows] == [
        (2, "complete", parent["id"]),
        (1, "complete", parent["id"]),
    ]
    assert numbers(app.ok("es_update", "--all-active")) == [2, 1]


def test_without_it_the_one_before_is_left_alone(app):
    switched(app, keep=None)
    assert kept(app) == []
    assert numbers(app.ok("es_update", MASTER)) == [2]


def test_what_happens_to_the_kept_one_blocks_nothing(app):
    switched(app)
    app.sql("DROP VIEW lecture")
    courses.rename(app, 1, "New")
    result = app.run("es_update", MASTER, "-o", "json", check=0)
    assert [(item["instance"], item["status"]) for item in result.json] == [(2, "complete"), (1, "failed")]
    assert "warning: " in result.err and "lecture" in result.err
    assert "The active instance is not affected" in result.err and "--allow-stale" in result.err
    assert courses.titles(app, MASTER)["1"] == "NEW"
    parent = app.history()[-3]
    assert (parent["action"], parent["status"]) == ("update", "complete")


def test_a_kept_one_that_another_run_works_at_is_waited_for_when_asked(app):
    switched(app)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_refresh", "before")
        process = app.start("es_update", MASTER, "1", "--full")
        held.wait()
        result = app.run("es_update", MASTER, check=0)
        held.release()
        process.wait(check=0)
    assert "The active instance is not affected" in result.err
    assert "esmigrate es_update course_search 1 --wait-lock" in result.err and "--allow-stale" not in result.err


def test_of_a_kept_one_that_is_gone_it_is_said_how_to_make_it_again(app):
    switched(app)
    app.engine_server.must("DELETE", app.full_name("course_search-1"))
    result = app.run("es_update", MASTER, check=0)
    assert "HINT: The active instance is not affected. " in result.err and "--engine-only" in result.err
    assert "kept up to date" not in app.run("es_list", check=0).err


def test_documents_that_the_kept_one_rejects_block_nothing(app):
    strict = {"mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}, "hours": {"type": "integer"}}}}
    courses.make_courses(app)
    app.ok("es_init")
    app.sql("ALTER TABLE course ADD COLUMN hours text DEFAULT '1'")
    with_hours = "SELECT id AS _id, changed_at AS _changed_at, title, hours FROM course"
    courses.declare(app, index=strict, documents=with_hours)
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "1")
    app.ok("es_activate", MASTER)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS, master={"keep": "1 hour"})
    app.ok("es_deploy", MASTER)
    app.sql("UPDATE course SET hours = 'many', changed_at = now() WHERE id = 1")
    result = app.run("es_update", MASTER, "-o", "json", check=0)
    assert [(item["instance"], item["rejected"]) for item in result.json] == [(2, 0), (1, 1)]
    assert "rejected" in result.err


def test_a_failure_of_the_active_one_is_still_the_commands(app):
    switched(app)
    app.sql("ALTER TABLE course RENAME TO renamed")  # the view follows, and with it the SQL of the kept one
    result = app.fails(5, "es_update", MASTER, "-o", "json")
    assert [(item["instance"], item["status"]) for item in result.json] == [(2, "failed"), (1, "complete")]


def test_it_ends_when_the_time_is_over(app):
    switched(app)
    end_of_keeping(app)
    assert numbers(app.ok("es_update", MASTER)) == [2]


def test_what_is_asked_for_in_particular_is_all_that_is_done(app):
    switched(app)
    assert numbers(app.ok("es_update", MASTER, "2")) == [2]
    assert numbers(app.ok("es_update", MASTER, "--last")) == [2]
    assert numbers(app.ok("es_update", MASTER, "--full")) == [2]
    assert numbers(app.ok("es_update", MASTER, "--since", "2020-01-01T00:00:00Z")) == [2]
    assert numbers(app.ok("es_retry", MASTER)) == [2]
    app.ok("es_create", MASTER, "--force")
    assert numbers(app.ok("es_update", MASTER, "--newer")) == [3]


def test_a_rollback_keeps_the_one_that_it_leaves(app):
    switched(app)
    app.ok("es_rollback", MASTER)
    assert kept(app) == ["course_search-2"]
    courses.rename(app, 1, "New")
    assert numbers(app.ok("es_update", MASTER)) == [1, 2]
    assert courses.titles(app, "course_search-2")["1"] == "NEW"


def test_a_dropped_one_is_not_kept(app):
    switched(app)
    app.ok("es_drop", "course_search-1", "--yes", "--force")
    assert numbers(app.ok("es_update", MASTER)) == [2]


def test_it_is_not_dropped_or_cleared_without_force(app):
    """Also among others: of them none is touched then."""
    switched(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_update", MASTER, "3")
    app.ok("es_activate", MASTER, "3")
    assert kept(app) == ["course_search-1", "course_search-2"]
    app.sql("UPDATE esmigrate.index_instance SET kept_until = '2100-01-01' WHERE number = 2")
    app.sql("UPDATE esmigrate.index_instance SET kept_until = '2000-01-01' WHERE number = 1")
    index = app.full_name("course_search-2")
    for words in (["es_drop", MASTER, "--older"], ["es_drop", MASTER, "2"], ["es_clear", "course_search-2"]):
        for how in ("--yes", "--dry-run"):
            result = app.fails(1, *words, how)
            assert f'index "{index}" is kept for es_rollback until 2100-01-01T00:00:00Z' in result.err
            assert f"ive --force to {words[0]} it all the same" in result.err
            assert (f"esmigrate es_prune {MASTER}" in result.err) == (words[0] == "es_drop")
    row = courses.last_action(app)
    assert (row["action"], row["status"]) == ("clear", "failed") and "is kept for es_rollback" in row["error"]
    assert len(app.indices()) == 3 and len(app.docs("course_search-2")) == 3
    assert numbers(app.ok("es_prune", MASTER, "--older-than", "0", "--yes")) == [1]
    assert numbers(app.ok("es_drop", MASTER, "--older", "--yes", "--force", "--dry-run")) == [2]
    app.sql("UPDATE esmigrate.index_instance SET kept_until = '2000-01-01' WHERE number = 2")
    assert numbers(app.ok("es_drop", MASTER, "--older", "--yes")) == [2]
    assert app.indices() == [app.full_name("course_search-3")]


@pytest.mark.parametrize("keep, wrong", [("for ever", "is not an interval"),
                                         ("300000 years", "is longer than a hundred years")])
def test_an_interval_that_is_none_is_refused_before_the_switch(app, keep, wrong):
    switched(app)
    app.declare(MASTER, master={"keep": keep})
    result = app.fails(2, "es_activate", MASTER, "1")
    assert "keep" in result.err and f'"{keep}" {wrong}' in result.err and "72 hours" in result.err
    assert courses.active_index(app) == "course_search-2"
    result = app.fails(2, "es_create", MASTER, "--force")
    assert f'indexes/course_search/master.json: "{keep}" {wrong}' in result.err
    assert len(app.indices()) == 2


@pytest.mark.parametrize("keep", ["72 hous", "300000 years"])
def test_an_interval_that_was_stored_unseen_does_not_hide_where_the_alias_is(app, keep):
    switched(app)
    app.sql("UPDATE esmigrate.index_master SET options = jsonb_build_object('keep', %s::text)", (keep,))
    move_by_hand(app, "course_search-2", "course_search-1")
    result = app.fails(1, "es_activate", MASTER, "2")
    assert f'warning: {MASTER}: what was active before is not kept: keep: "{keep}" is ' in result.err
    assert courses.active_index(app) == "course_search-1"
    app.ok("es_activate", MASTER, "2")
    assert courses.active_index(app) == "course_search-2"
