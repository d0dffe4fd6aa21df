"""Histories that meet: a copy of the database beside its original, and two applications with the same names on one
engine. Whatever esmigrate advises there must not break what the other one's readers search.

Each text is what a terminal shows: the command, all of stderr, the exit code.
"""

import contextlib

import courses
import pytest
from messages import at_home, transcript

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
