"""A history that was restored from an older dump: the next command is refused by name, or ends right; never silent."""

import subprocess

import psycopg
import pytest

import courses
from courses import MASTER
from faults import Gate, declare_items, expected_items, filled_items, switch_call, through_proxy, wait_until
from messages import at_home, transcript
from writing import CHANGED

pytestmark = pytest.mark.either



class Dump:
    """The schema esmigrate as it was when this was made."""

    def __init__(self, app):
        self.app = app
        self.text = self._run("pg_dump", "--schema=esmigrate").stdout

    def restore(self):
        self.app.sql("DROP SCHEMA esmigrate CASCADE")
        self._run("psql", "-qX", "-v", "ON_ERROR_STOP=1", input=self.text)

    def _run(self, program, *arguments, input=None):
        command = [program, *arguments, "-d", psycopg.conninfo.make_conninfo(self.app.conninfo)]
        return subprocess.run(command, input=input, capture_output=True, text=True, check=True)


def filled(app):
    app.sql("CREATE TABLE gone (id bigint, at timestamptz DEFAULT now())")
    filled_items(app, 50, changed=CHANGED, master={"overlap": "0 seconds"})


def change_much(app):
    app.sql("UPDATE item SET title = to_json('Changed'::text), changed_at = now() WHERE id <= 10")
    app.sql("WITH d AS (DELETE FROM item WHERE id > 40 RETURNING id) INSERT INTO gone SELECT id FROM d")
    app.sql("INSERT INTO item VALUES (99, to_json('New'::text), '99', now())")


def test_an_update_after_a_restore_reads_again_what_the_lost_updates_had_read(app):
    filled(app)
    dump = Dump(app)
    change_much(app)
    app.ok("es_update", "item")
    app.sql("UPDATE item SET amount = '7', changed_at = now() WHERE id = 7")
    app.ok("es_update", "item", "--full")
    dump.restore()
    app.sql("UPDATE item SET amount = '8', changed_at = now() WHERE id = 8")
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


@pytest.mark.parametrize("killed", [False, True])
def test_an_update_after_a_restore_to_an_older_writer_ends_right(app, killed):
    """The engine's write alias is of a later epoch than the history knows."""
    filled(app)
    dump = Dump(app)
    gate = Gate(app, 20)
    app.declare("item", documents=gate.documents())
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "2")
    gate.wait()
    if killed:
        process.kill()
    gate.open()
    process.wait()
    app.ok("es_update", "item", "2")
    change_much(app)
    app.ok("es_update", "item", "1")
    dump.restore()
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_an_instance_that_the_restored_history_does_not_know_is_not_touched(app):
    filled(app)
    dump = Dump(app)
    app.ok("es_create", "item", "--force")
    app.ok("es_update", "item", "2")
    dump.restore()
    before = app.docs("item-2")
    change_much(app)
    result = app.fails(1, "es_create", "item", "--force")
    assert f"{app.prefix}item-2" in result.err
    assert app.docs("item-2") == before
    app.ok("es_update", "item")
    assert app.docs("item-1") == expected_items(app)


def test_an_alias_that_points_to_an_instance_the_restored_history_does_not_know_is_named(app):
    filled(app)
    dump = Dump(app)
    app.ok("es_create", "item", "--force")
    app.ok("es_update", "item", "2")
    app.ok("es_activate", "item", "2")
    dump.restore()
    change_much(app)
    result = app.run("es_update", "item", check=0)
    assert result.err == (
        f'esmigrate: warning: alias "{app.prefix}item" points to {app.prefix}item-2 in the engine, but the history has'
        f" {app.prefix}item-1 as active: it is updated, and not seen through the alias\n"
    )
    assert app.docs("item-1") == expected_items(app)


def moved_back(app):
    """The alias, by hand, from course_search-1 to -2."""
    name = app.full_name
    app.engine_server.must("POST", "_aliases", {"actions": [
        {"remove": {"index": name("course_search-1"), "alias": name(MASTER)}},
        {"add": {"index": name("course_search-2"), "alias": name(MASTER)}}]})


def test_readers_of_an_instance_that_the_restored_history_does_not_know_are_led_on(app):
    """In one call, forward or back: what the hint says works, and the alias is never off."""
    courses.activated(app, changed=courses.CHANGED)
    dump = Dump(app)
    courses.second_instance(app)
    app.ok("es_deploy", MASTER)
    dump.restore()
    transcript(
        at_home(app),
        """
        $ esmigrate es_activate course_search 1
        esmigrate: error: qa_course_search-1: alias "qa_course_search" points to "qa_course_search-2", which is no instance of course_search
        DETAIL: esmigrate made that index, and this history does not know its number: it seems to be restored from before that.
        HINT: To make the next instance of the files at hand behind it, and to put the alias on that once it is filled: esmigrate es_deploy course_search --take-alias. To go back to instance 1 at once: esmigrate es_activate course_search 1 --take-alias. That index stays, to be deleted by hand. If another application searches through this alias, give the master another name.
        exit code 1
        """,
    )
    # A crash before the call leaves all as it is, and is in nobody's way.
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_aliases", "before", nth=switch_call(app))
        process = app.start("es_activate", MASTER, "1", "--take-alias")
        held.wait()
        process.kill()
    assert app.alias(MASTER) == [app.full_name("course_search-2")]
    transcript(
        app,
        """
        $ esmigrate es_activate course_search 1 --take-alias
        esmigrate: course_search: an es_activate had crashed: alias "qa_course_search" points to "qa_course_search-2", which is no instance of course_search
        esmigrate: alias "qa_course_search" is taken off "qa_course_search-2", which stays
        esmigrate: warning: alias "qa_course_search" points to qa_course_search-2 in the engine, but the history has qa_course_search-1 as active: it is updated, and not seen through the alias
        esmigrate: warning: alias "qa_course_search" points to qa_course_search-2 in the engine, but the history has qa_course_search-1 as active: it is updated, and not seen through the alias
        exit code 0
        """,
    )
    assert app.alias(MASTER) == [app.full_name("course_search-1")]
    moved_back(app)
    transcript(
        app,
        """
        $ esmigrate es_plan course_search
        esmigrate: course_search: es_create would make instance 3; next: esmigrate es_create course_search
        exit code 0
        $ esmigrate es_create course_search
        esmigrate: warning: alias "qa_course_search" points to "qa_course_search-2", which this history did not make: es_activate refuses until --take-alias lets it take the alias off that index
        exit code 0
        """,
    )
    app.ok("es_deploy", MASTER, "--take-alias")
    assert app.alias(MASTER) == [app.full_name("course_search-3")] and courses.active_index(app) == "course_search-3"
    assert courses.titles(app, MASTER) == {"1": "COURSE 1", "2": "COURSE 2", "3": "COURSE 3"}
    assert app.indices() == [app.full_name(f"course_search-{number}") for number in (1, 2, 3)]


def test_an_instance_that_was_dropped_after_the_dump_is_said_to_be_gone(app):
    filled(app)
    app.ok("es_create", "item", "--force")
    app.ok("es_update", "item", "2")
    dump = Dump(app)
    app.ok("es_drop", "item-2", "--yes")
    dump.restore()
    result = app.fails(1, "es_update", "item-2")
    assert f"{app.prefix}item-2" in result.err
    assert app.indices() == [f"{app.prefix}item-1"]


def half_loaded(app):
    app.sql("CREATE TABLE gone (id bigint, at timestamptz DEFAULT now())")
    declare_items(app, 4000, documents="", changed=CHANGED, master={"range_documents": 166, "overlap": "0 seconds"})
    app.sql("ANALYZE item")
    gate = Gate(app, 2700)
    app.declare("item", documents=gate.documents())
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    # What was read before it is accounted for when it is answered.
    wait_until(lambda: app.sql("SELECT count(*) FROM esmigrate.load_range WHERE finished_at IS NOT NULL")[0]["count"] >= 4)
    process.kill()
    gate.open()
    return gate


def test_a_load_that_was_going_on_at_the_dump_notices_what_was_deleted_since(app):
    half_loaded(app)
    dump = Dump(app)
    app.ok("es_update", "item", "1")
    change_much(app)
    app.ok("es_update", "item", "1")
    dump.restore()
    # Of the documents that the ranges of before had, an update that this history does not know deleted most.
    result = app.fails(1, "es_update", "item", "1")
    assert "Begin anew: esmigrate es_update item-1 --restart" in result.err
    app.ok("es_update", "item-1", "--restart")
    assert app.docs("item-1") == expected_items(app)


def test_a_load_that_was_going_on_at_the_dump_sees_what_changed_since(app):
    gate = half_loaded(app)
    dump = Dump(app)
    app.ok("es_update", "item", "1")
    app.sql("UPDATE item SET title = to_json('Changed'::text), changed_at = now() WHERE id IN (3, 3999)")
    app.ok("es_update", "item", "1")
    dump.restore()
    app.ok("es_update", "item", "1")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
    assert gate.waiting() == 0
