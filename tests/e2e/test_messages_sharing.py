"""Histories that meet: a copy of the database beside its original, and two applications with the same names on one
engine. Whatever esmigrate advises there must not break what the other one's readers search.

Each text is what a terminal shows: the command, all of stderr, the exit code.
"""

import contextlib

import courses
import pytest
from faults import switch_call, through_proxy
from messages import at_home, transcript

pytestmark = pytest.mark.either

MASTER = courses.MASTER


@pytest.fixture
def school(app):
    """An application in its project folder, whose index is live."""
    courses.activated(app, changed=courses.CHANGED)
    return at_home(app)


@contextlib.contextmanager
def used_as(app, database, prefix=None):
    """The application's commands go to another database, and have another prefix."""
    before = dict(app.env)
    app.env["ESMIGRATE_HISTORY"] = app.postgres.conninfo(database)
    app.env["ESMIGRATE_PREFIX"] = app.prefix if prefix is None else prefix
    yield
    app.env.clear()
    app.env.update(before)


@pytest.fixture
def copy(school):
    """The name of a copy of the application's database, which esmigrate is run in."""
    name = f"{school.database}_copy"
    school._connection.close()  # a template must have no sessions
    school.postgres.execute(f"CREATE DATABASE {name} TEMPLATE {school.database}")
    with used_as(school, name):
        yield name
    school.postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def other(school, make_app):
    """A second application: another database and history, the same engine, prefix and declarations."""
    app = make_app()
    courses.make_courses(app)
    courses.declare(app, changed=courses.CHANGED)
    app.env["ESMIGRATE_PREFIX"] = app.prefix = school.prefix
    app.ok("es_init")
    return at_home(app)


def in_copy(app, name, *statements):
    with contextlib.closing(app.postgres.connect(name)) as connection:
        for statement in statements:
            connection.execute(statement)


# ---- a copy


def test_reading_in_a_copy_says_whose_the_indexes_are(school, copy):
    transcript(
        school,
        """
        $ esmigrate es_list
        esmigrate: warning: this history was copied here from another database; the indexes belong to the original
        exit code 0
        $ esmigrate es_history
        esmigrate: warning: this history was copied here from another database; the indexes belong to the original
        exit code 0
        """,
    )


def test_a_prefix_of_its_own_in_a_copy(school, copy):
    before = courses.everything(school)
    transcript(
        school,
        """
        $ esmigrate es_init --adopt --prefix own_
        esmigrate: error: the history has live instances with the prefix "qa_", so "own_" cannot replace it
        DETAIL: It was copied here from another database; they are the original's.
        HINT: If this database is used beside the original: DROP SCHEMA esmigrate CASCADE here, then esmigrate es_init --prefix P with a prefix that the original does not have. If it replaces the original (restored from a dump, moved): esmigrate es_init --adopt --prefix 'qa_'
        exit code 1
        $ esmigrate es_init --adopt --prefix own_ --yes --dry-run
        esmigrate: error: the history has live instances with the prefix "qa_", so "own_" cannot replace it
        DETAIL: It was copied here from another database; they are the original's.
        HINT: If this database is used beside the original: DROP SCHEMA esmigrate CASCADE here, then esmigrate es_init --prefix P with a prefix that the original does not have. If it replaces the original (restored from a dump, moved): esmigrate es_init --adopt --prefix 'qa_'
        exit code 1
        $ esmigrate es_init --prefix own_
        esmigrate: error: the history was copied here from another database
        DETAIL: The indexes it names belong to the original, which may still write to them.
        HINT: If this database is used beside the original: DROP SCHEMA esmigrate CASCADE here, then esmigrate es_init --prefix P with a prefix that the original does not have. If it replaces the original (restored from a dump, moved): esmigrate es_init --adopt --prefix 'qa_'
        exit code 1
        $ esmigrate es_init --dry-run
        esmigrate: error: the history was copied here from another database
        DETAIL: The indexes it names belong to the original, which may still write to them.
        HINT: If this database is used beside the original: DROP SCHEMA esmigrate CASCADE here, then esmigrate es_init --prefix P with a prefix that the original does not have. If it replaces the original (restored from a dump, moved): esmigrate es_init --adopt
        exit code 1
        """,
    )
    # What the hint says, word by word, and all of it works at once.
    in_copy(school, copy, "DROP SCHEMA esmigrate CASCADE")
    own = school.prefix + "own_"
    with used_as(school, copy, own):
        school.ok("es_init", "--prefix", own)
        [item] = school.ok("es_create", MASTER)
        assert item["index"] == own + "course_search-1"
        school.ok("es_update", MASTER, "1")
        school.ok("es_activate", MASTER)
        school.ok("es_drop", MASTER, "--all", "--force", "--yes")
    assert courses.everything(school) == before


def test_adopting_a_copy_asks_before_it_takes_live_indexes(school, copy):
    transcript(
        school,
        """
        $ esmigrate es_init --adopt
        esmigrate: error: es_init is not confirmed; nothing was changed
        DETAIL: It would take over 1 live index from the database that the history was copied from: qa_course_search-1.
        HINT: If that is meant, give --yes.
        exit code 8
        $ esmigrate es_init --adopt --dry-run
        esmigrate: this would take over 1 live index from the database that the history was copied from: qa_course_search-1
        esmigrate: dry run: nothing was changed
        exit code 0
        $ esmigrate es_update course_search
        esmigrate: error: the history was copied here from another database
        DETAIL: The indexes it names belong to the original, which may still write to them.
        HINT: If this database is used beside the original: DROP SCHEMA esmigrate CASCADE here, then esmigrate es_init --prefix P with a prefix that the original does not have. If it replaces the original (restored from a dump, moved): esmigrate es_init --adopt
        exit code 1
        $ esmigrate es_init --adopt --yes
        exit code 0
        $ esmigrate es_init --adopt
        exit code 0
        $ esmigrate es_list
        exit code 0
        """,
    )


def test_adopting_names_the_first_few_of_many(school, copy):
    in_copy(
        school,
        copy,
        """
        INSERT INTO esmigrate.index_instance OVERRIDING SYSTEM VALUE
        SELECT (jsonb_populate_record(i, jsonb_build_object('id', i.id + n, 'number', 1 + n, 'index_uuid', 'u' || n,
                                                            'index_name', i.index_name || n))).*
        FROM esmigrate.index_instance i, generate_series(1, 6) n
        """,
    )
    transcript(
        school,
        """
        $ esmigrate es_init --adopt
        esmigrate: error: es_init is not confirmed; nothing was changed
        DETAIL: It would take over 7 live indexes from the database that the history was copied from, the first of them: qa_course_search-1, qa_course_search-11, qa_course_search-12, qa_course_search-13, qa_course_search-14.
        HINT: If that is meant, give --yes.
        exit code 8
        """,
    )


def test_adopting_a_copy_on_a_terminal(school, copy):
    code, shown = school.terminal("es_init", "--adopt", answers=[("Go on? [y/N] ", "n\n")])
    assert code == 8 and "not confirmed; nothing was changed" in shown
    assert (
        "This would take over 1 live index from the database that the history was copied from:\n"
        f"  {school.full_name('course_search-1')}\n"
    ) in shown
    school.fails(1, "es_update", MASTER)
    code, shown = school.terminal("es_init", "--adopt", answers=[("Go on? [y/N] ", "y\n")])
    assert code == 0 and "adopted" in shown


def test_adopting_what_has_no_live_index_asks_nothing(school, copy):
    in_copy(
        school,
        copy,
        "UPDATE esmigrate.index_master SET active_instance_id = NULL",
        "UPDATE esmigrate.index_instance SET state = 'dropped', dropped_at = now()",
    )
    school.ok("es_init", "--adopt", "--prefix", "own_")


# ---- another application


def test_create_where_another_history_has_the_names(school, other):
    transcript(
        other,
        """
        $ esmigrate es_create course_search
        esmigrate: error: the engine has an index "qa_course_search-1" that is not of this history
        DETAIL: Another history of esmigrate made that index.
        HINT: Another application, or an older history, seems to use this name: give this history a prefix of its own (esmigrate es_init --adopt --prefix P), or the master another name. Only if nobody searches that index any more: delete it by hand, then run the same command again.
        exit code 1
        """,
    )
    # The first application has gone on to instance 2, whose number is still free in the other one's.
    courses.second_instance(school)
    school.ok("es_update", MASTER, "2")
    school.ok("es_activate", MASTER, "2")
    school.ok("es_drop", MASTER, "1", "--yes")
    before = courses.everything(school)
    for options in "", " --dry-run":
        transcript(
            other,
            f"""
            $ esmigrate es_create course_search{options}
            esmigrate: error: alias "qa_course_search" points to "qa_course_search-2", which is no instance of course_search
            DETAIL: Another history of esmigrate made that index.
            HINT: Another application, or an older history, seems to use this name: give this history a prefix of its own (esmigrate es_init --adopt --prefix P), or the master another name. Only if nobody searches that index any more: take the alias off it by hand, then run the same command again.
            exit code 1
            """,
        )
    assert courses.instances(other) == {}
    assert courses.everything(school) == before
    # What the hint says works at once, and the number is not used up.
    other.env["ESMIGRATE_PREFIX"] = own = school.prefix + "own_"
    other.ok("es_init", "--adopt", "--prefix", own)
    assert other.ok("es_create", MASTER)[0]["index"] == own + "course_search-1"
    assert courses.titles(school, MASTER) == {"1": "COURSE 1", "2": "COURSE 2", "3": "COURSE 3"}


def test_an_index_known_by_its_write_alias_alone(school, other):
    """_meta is part of the mapping, which a user may put anew without it."""
    school.engine_server.must("PUT", school.full_name("course_search-1") + "/_mapping", {"_meta": {}})
    result = other.fails(1, "es_create", MASTER)
    assert "DETAIL: Another history of esmigrate made that index." in result.err


def test_activate_where_another_history_has_the_alias(school, other):
    """Both had created before either was active."""
    courses.declare(school, "lesson_search", changed=courses.CHANGED)
    courses.declare(other, "lesson_search", changed=courses.CHANGED)
    # Instance 1 of the first is gone, so that the names of the indexes do not meet.
    school.ok("es_create", "lesson_search")
    school.ok("es_drop", "lesson_search", "1", "--yes")
    other.ok("es_create", "lesson_search")
    other.ok("es_update", "lesson_search", "1")
    school.ok("es_create", "lesson_search")
    school.ok("es_update", "lesson_search", "2")
    school.ok("es_activate", "lesson_search")
    for options in " --dry-run", "", " --take-alias":
        transcript(
            other,
            f"""
            $ esmigrate es_activate lesson_search{options}
            esmigrate: error: qa_lesson_search-1: alias "qa_lesson_search" points to "qa_lesson_search-2", which is no instance of lesson_search
            DETAIL: Another history of esmigrate made that index.
            HINT: Another application, or an older history, seems to use this name: give this history a prefix of its own (esmigrate es_init --adopt --prefix P), or the master another name. Only if nobody searches that index any more: take the alias off it by hand, then run the same command again.
            exit code 1
            """,
        )
    assert school.alias("lesson_search") == [school.full_name("lesson_search-2")]


def test_an_application_that_moves_to_esmigrate(app):
    """Its hand-made index is searched until the new one is filled."""
    courses.make_courses(app)
    courses.declare(app, changed=courses.CHANGED)
    app.ok("es_init")
    old, alias = app.prefix + "old", app.full_name(MASTER)
    app.engine_server.must("PUT", old, {"aliases": {alias: {}}})
    transcript(
        at_home(app),
        """
        $ esmigrate es_create course_search
        esmigrate: warning: alias "qa_course_search" points to "qa_old", which esmigrate did not make: es_activate refuses until --take-alias lets it take the alias off that index
        exit code 0
        $ esmigrate es_update course_search 1
        esmigrate: qa_course_search-1: it is not filled yet, so this update is a full one
        exit code 0
        $ esmigrate es_activate course_search --dry-run
        esmigrate: error: qa_course_search-1: alias "qa_course_search" points to "qa_old", which is no instance of course_search
        HINT: If another application searches through this alias, give this history a prefix of its own (esmigrate es_init --adopt --prefix P), or the master another name. If it is the application that moves to esmigrate: esmigrate es_activate course_search --take-alias puts it on the instance in one call, and leaves that index as it is.
        exit code 1
        $ esmigrate es_activate course_search
        esmigrate: error: qa_course_search-1: alias "qa_course_search" points to "qa_old", which is no instance of course_search
        HINT: If another application searches through this alias, give this history a prefix of its own (esmigrate es_init --adopt --prefix P), or the master another name. If it is the application that moves to esmigrate: esmigrate es_activate course_search --take-alias puts it on the instance in one call, and leaves that index as it is.
        exit code 1
        """,
    )
    # A crash before the call leaves all as it is, also to itself.
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_aliases", "before", nth=switch_call(app))
        process = app.start("es_activate", MASTER, "--take-alias")
        held.wait()
        process.kill()
    assert app.alias(MASTER) == [old]
    transcript(
        at_home(app),
        """
        $ esmigrate es_activate course_search --take-alias --no-verify
        esmigrate: course_search: an es_activate had crashed: alias "qa_course_search" points to "qa_old", which is no instance of course_search
        esmigrate: alias "qa_course_search" is taken off "qa_old", which stays
        exit code 0
        """,
    )
    assert app.alias(MASTER) == [app.full_name("course_search-1")] and courses.active_index(app) == "course_search-1"
    assert app.engine("GET", old)[0] == 200


def test_a_dry_run_of_activate_sees_what_the_engine_would_refuse(app):
    courses.filled(app, changed=courses.CHANGED)
    app.engine_server.must("PUT", app.full_name(MASTER))
    transcript(
        at_home(app),
        """
        $ esmigrate es_activate course_search --dry-run
        esmigrate: error: qa_course_search-1: the engine has an index named "qa_course_search", which course_search needs as its alias
        HINT: If the instance is to take its place: esmigrate es_activate course_search --replace-index deletes it and puts the alias there in one call. If not, give the declaration another name.
        exit code 1
        """,
    )
