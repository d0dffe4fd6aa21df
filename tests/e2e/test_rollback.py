"""es_rollback: back to the instance that was active before, with all that was written since."""

import random
import re

import courses
import pytest
from faults import switch_call, through_proxy
from wire import through_wire

MASTER = courses.MASTER
WITH_LESSONS = {
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "title": {"type": "text", "fields": {"exact": {"type": "keyword"}}},
            "lessons": {"type": "integer"},
        },
    }
}
LESSONS = "SELECT id AS _id, changed_at AS _changed_at, title, lessons FROM course"


def switched(app, **files):
    """course_search-2, with more fields and SQL of its own, has been activated after -1."""
    courses.activated(app, changed=courses.CHANGED, **files)
    app.sql("ALTER TABLE course ADD COLUMN lessons int DEFAULT 1")
    app.declare(MASTER, index=WITH_LESSONS, documents=LESSONS)
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "2")
    app.ok("es_activate", MASTER)


def expect_active(app, number):
    index = f"course_search-{number}"
    assert app.alias(MASTER) == [app.full_name(index)]
    assert courses.active_index(app) == index


def rows_of(app, action="rollback"):
    return [row for row in app.history() if row["action"] == action]


def break_sql_of_the_first(app):
    """Its SQL, no other, names the table."""
    app.sql("ALTER TABLE course RENAME TO lecture")


def write_much(app):
    """Changes, inserts and deletes in no order, an update of the active instance now and then."""
    chance = random.Random(7)
    for turn in range(200):
        number = chance.randint(1, 60)
        what = chance.choice(["change", "insert", "delete"])
        if what == "change":
            courses.rename(app, number, f"Turn {turn}")
        elif what == "insert":
            app.sql("INSERT INTO course VALUES (%s, %s) ON CONFLICT DO NOTHING", (100 + turn, f"Turn {turn}"))
        else:
            app.sql("WITH d AS (DELETE FROM course WHERE id = %s RETURNING id)"
                    " INSERT INTO deleted_course SELECT id FROM d", (number,))
        if turn % 80 == 40:
            app.ok("es_update", MASTER)


def test_it_finds_all_that_was_written_since_the_switch(app):
    switched(app, count=60)
    write_much(app)
    [item] = app.ok("es_rollback", MASTER)
    courses.assert_fields([item], courses.RESULT_FIELDS)
    assert (item["action"], item["instance"], item["result"]) == ("rollback", 1, "activated")
    expect_active(app, 1)
    expected = {str(row["id"]): row["title"] for row in app.sql("SELECT id, title FROM course")}
    assert courses.titles(app, MASTER) == expected
    # Its own SQL: -2's has a field that its mapping refuses.
    assert all(set(source) == {"title"} for source in app.docs(MASTER).values())
    [row] = rows_of(app)
    assert (row["status"], row["instance"], row["result"]) == ("complete", 1, "activated")
    [update] = [other for other in app.history() if other["parent_id"] == row["id"]]
    assert (update["action"], update["instance"], update["mode"]) == ("update", 1, "changed")


def test_fields_that_only_the_newer_mapping_has_are_named(app):
    switched(app)
    result = app.run("es_rollback", MASTER, check=0)
    assert "searches no longer find: title.exact, lessons" in result.err
    # The other way there are none.
    assert "no longer find" not in app.run("es_rollback", MASTER, check=0).err


def test_a_second_one_goes_forward_again(app):
    switched(app)
    app.ok("es_rollback", MASTER)
    courses.rename(app, 1, "Meanwhile")
    assert app.ok("es_rollback", MASTER)[0]["instance"] == 2
    expect_active(app, 2)
    assert courses.titles(app, MASTER)["1"] == "Meanwhile"


def test_of_several_it_is_the_one_that_was_left_last(app):
    switched(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_update", MASTER, "3")
    app.ok("es_activate", MASTER, "1")
    app.ok("es_activate", MASTER, "3")
    assert app.ok("es_rollback", MASTER)[0]["instance"] == 1


def test_what_was_never_active_or_is_dropped_is_not_rolled_back_to(app):
    courses.filled(app)
    result = app.fails(1, "es_rollback", MASTER)
    assert "has no active instance" in result.err and "esmigrate es_list course_search" in result.err
    app.ok("es_activate", MASTER)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    result = app.fails(1, "es_rollback", MASTER)
    assert 'has no instance that was active before "' in result.err
    app.ok("es_activate", MASTER)
    app.ok("es_drop", "course_search-1", "--yes")
    app.fails(1, "es_rollback", MASTER)
    expect_active(app, 2)


def test_it_takes_masters_not_instances(app):
    switched(app)
    result = app.fails(2, "es_rollback", "course_search-1")
    assert "es_activate" in result.err
    expect_active(app, 2)


def test_one_that_cannot_be_caught_up_is_refused_without_allow_stale(app):
    switched(app)
    courses.rename(app, 1, "Since")
    break_sql_of_the_first(app)
    result = app.fails(5, "es_rollback", MASTER)
    assert "nothing was switched" in result.err
    assert "; or, to switch to it as it is: esmigrate es_rollback course_search --allow-stale" in result.err
    expect_active(app, 2)
    assert rows_of(app)[-1]["status"] == "failed"
    result = app.fails(5, "es_rollback", MASTER, "--rehearse")
    assert "; or, to rehearse with it as it is: esmigrate es_rollback course_search --rehearse --allow-stale" in result.err
    app.ok("es_rollback", MASTER, "--rehearse", "--allow-stale")
    expect_active(app, 2)

    result = app.run("es_rollback", MASTER, "--allow-stale", check=0)
    assert "is not up to date: it has what changed up to 2" in result.err
    expect_active(app, 1)
    assert courses.titles(app, MASTER)["1"] == "Course 1"


def test_allow_stale_still_brings_up_to_date_what_can_be(app):
    switched(app)
    courses.rename(app, 1, "Since")
    result = app.run("es_rollback", MASTER, "--allow-stale", check=0)
    assert "not up to date" not in result.err
    assert courses.titles(app, MASTER)["1"] == "Since"


# ---- the rehearsal


def test_a_rehearsal_says_how_long_it_takes_and_leaves_the_alias_alone(app):
    switched(app)
    courses.rename(app, 1, "Since")
    result = app.run("es_rollback", MASTER, "--rehearse", "-o", "json", check=0)
    assert result.json[0]["result"] == "rehearsed"
    assert re.search(r"rehearsed from .* to .*: \d+\.\d s to catch up, \d+\.\d{3} s to switch", result.err), result
    expect_active(app, 2)
    assert courses.titles(app, "course_search-1")["1"] == "Since"
    assert app.alias(f"{MASTER}.rehearsal") == []
    [row] = rows_of(app)
    assert (row["status"], row["result"]) == ("complete", "rehearsed")
    app.ok("es_rollback", MASTER)
    expect_active(app, 1)


def test_a_rehearsal_is_not_kept_from_the_work_by_one_that_was_killed(app):
    switched(app)
    alias = app.full_name(f"{MASTER}.rehearsal")
    action = {"index": app.full_name("course_search-1"), "alias": alias, "is_write_index": True}
    app.engine_server.must("POST", "_aliases", {"actions": [{"add": action}]})
    app.ok("es_rollback", MASTER, "--rehearse")
    assert app.alias(alias) == []


def killed_rehearsal(app, when, nth):
    """At the nth of its calls for aliases."""
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_aliases", when, nth=nth)
        process = app.start("es_rollback", MASTER, "--rehearse")
        held.wait()
        process.kill()


def aliases(app):
    found = app.engine_server.must("GET", f"{app.prefix}*/_alias")
    return {alias for index in found.values() for alias in index["aliases"]}


@pytest.mark.parametrize("at", ["its begin", "its switch", "its end"])
def test_what_a_killed_rehearsal_left_is_removed_by_the_next_command(app, at):
    switched(app)
    before = aliases(app)
    nth = {"its begin": 1, "its switch": 1 + switch_call(app), "its end": 2 + switch_call(app)}[at]
    killed_rehearsal(app, "before" if at == "its end" else "after", nth)
    assert app.alias(f"{MASTER}.rehearsal") == [app.full_name(f"course_search-{2 if at == 'its begin' else 1}")]
    result = app.run("es_update", MASTER, check=0)
    assert "an es_rollback had crashed: the alias points to" in result.err
    assert aliases(app) == before
    expect_active(app, 2)
    assert [row["status"] for row in rows_of(app)] == ["interrupted"]


@pytest.mark.parametrize("nth", ["begin", "end"])
def test_a_rehearsal_whose_answers_are_lost_leaves_nothing_in_the_end(app, nth):
    switched(app)
    before = aliases(app)
    call = {"begin": 1, "end": 2 + switch_call(app)}[nth]
    with through_proxy(app) as proxy:
        proxy.lose("POST", "_aliases", "after" if nth == "begin" else "before", for_good=True, nth=call)
        app.fails(6, "es_rollback", MASTER, "--rehearse")
    assert aliases(app) == before | {app.full_name(f"{MASTER}.rehearsal")}
    assert [row["status"] for row in rows_of(app)] == ["running"]
    app.ok("es_update", MASTER)
    assert aliases(app) == before
    expect_active(app, 2)


def test_a_rehearsal_that_cannot_catch_up_fails_as_the_rollback_would(app):
    switched(app)
    break_sql_of_the_first(app)
    app.fails(5, "es_rollback", MASTER, "--rehearse")
    expect_active(app, 2)


# ---- killed, and answers that are lost


def killed(app, held, process):
    held.wait()
    process.kill()


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_the_switch_the_same_command_again_is_at_the_same_end(app, when):
    switched(app)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_aliases", when, nth=switch_call(app))
        killed(app, held, app.start("es_rollback", MASTER))
    courses.rename(app, 1, "Since")
    result = app.run("es_rollback", MASTER, "-o", "json", check=0)
    assert "an es_rollback had crashed: the alias points to" in result.err
    assert result.json[0]["result"] == {"before": "activated", "after": "already_active"}[when]
    expect_active(app, 1)
    assert [row["status"] for row in rows_of(app)] == ["interrupted", "complete"]
    # That one is complete: the next goes forward again.
    app.ok("es_rollback", MASTER)
    expect_active(app, 2)


STATEMENTS = {
    "the record": "UPDATE esmigrate.index_master m SET active_instance_id",
    "the end of the row": "UPDATE esmigrate.index_action\nSET status = \\$2",
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("statement", ["the record", "the end of the row"])
def test_killed_at_a_write_to_the_history_the_same_command_again_is_at_the_same_end(app, statement, when):
    switched(app)
    # The first end of a row is that of the update.
    nth = 2 if statement == "the end of the row" else 1
    with through_wire(app) as wire:
        held = wire.hold(STATEMENTS[statement], when, nth)
        killed(app, held, app.start("es_rollback", MASTER))
    if (statement, when) == ("the end of the row", "after"):
        # It was complete; only the process did not live to say so.
        expect_active(app, 1)
        return
    result = app.run("es_rollback", MASTER, check=0)
    assert "an es_rollback had crashed" in result.err
    expect_active(app, 1)


def test_one_whose_hook_failed_behind_the_switch_is_not_taken_back_by_the_same_again(app):
    switched(app)
    hooks = ["--stop-indexing", "true", "--resume-indexing"]
    app.fails(1, "es_rollback", MASTER, *hooks, "exit 4")
    # What is refused before it chooses an instance switches nothing.
    app.fails(2, "es_rollback", "course_search-2")
    app.fails(1, "es_activate", MASTER, "7")
    app.ok("es_create", MASTER, "--force")
    app.fails(1, "es_activate", MASTER, "3")
    result = app.fails(1, "es_rollback", MASTER, "--rehearse")
    assert 'the es_rollback to "' in result.err and "HINT: Run it again: esmigrate es_rollback" in result.err
    assert app.ok("es_rollback", MASTER, "--resume-indexing", "none")[0]["result"] == "already_active"
    expect_active(app, 1)
    app.ok("es_rollback", MASTER, "--rehearse")
    app.ok("es_rollback", MASTER)
    expect_active(app, 2)


def test_without_an_active_instance_the_one_that_was_is_named(app):
    switched(app)
    app.engine_server.must("DELETE", app.full_name("course_search-2"))
    for named in "1\n", "N. See":
        assert f"esmigrate es_activate course_search {named}" in app.fails(1, "es_rollback", MASTER).err
    app.ok("es_activate", MASTER, "1")
    expect_active(app, 1)


def test_another_command_settles_it_too(app):
    switched(app)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_aliases", "after", nth=switch_call(app))
        killed(app, held, app.start("es_rollback", MASTER))
    assert app.ok("es_update", MASTER)[0]["instance"] == 1
    assert rows_of(app)[-1]["status"] == "interrupted"
    assert courses.active_index(app) == "course_search-1"


def test_an_answer_that_is_lost_is_found_out(app):
    switched(app)
    with through_proxy(app) as proxy:
        proxy.lose("POST", "_aliases", "after", nth=switch_call(app))
        app.ok("es_rollback", MASTER)
    expect_active(app, 1)


def test_an_engine_that_is_lost_with_its_answer_is_said_and_the_next_command_finds_out(app):
    switched(app)
    with through_proxy(app) as proxy:
        proxy.lose("POST", "_aliases", "after", for_good=True, nth=switch_call(app))
        result = app.fails(6, "es_rollback", MASTER)
    assert "Where the alias points now is not known" in result.err
    assert rows_of(app)[-1]["status"] == "running"
    result = app.run("es_rollback", MASTER, "-o", "json", check=0)
    assert "an es_rollback had crashed: the alias points to" in result.err
    assert result.json[0]["result"] == "already_active"
    expect_active(app, 1)
