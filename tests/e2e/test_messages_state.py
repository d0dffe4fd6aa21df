"""What a command is told that is right in itself, but not in this state of things: the exact message and exit code.

Each text is what a terminal shows: the command, all of stderr, the exit code.
"""

import shutil

import courses
import pytest
from messages import at_home, said, transcript

pytestmark = pytest.mark.either

MASTER = courses.MASTER


@pytest.fixture
def school(app):
    """An application in its project folder."""
    return at_home(app)


# ---- the history


def test_no_history(school):
    courses.declare(school)
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: the history schema is missing in the database "school"
        HINT: If it is the right database, create the schema: esmigrate es_init. If not, name the right one with --history (ESMIGRATE_HISTORY).
        exit code 1
        $ esmigrate es_list
        esmigrate: error: the history schema is missing in the database "school"
        HINT: If it is the right database, create the schema: esmigrate es_init. If not, name the right one with --history (ESMIGRATE_HISTORY).
        exit code 1
        """,
    )


def test_an_older_history(school):
    school.ok("es_init")
    school.sql("DELETE FROM esmigrate.schema_migration WHERE version > 0")
    transcript(
        school,
        """
        $ esmigrate es_update course_search
        esmigrate: error: the history has schema version 0, this esmigrate needs version 13
        HINT: Upgrade it: esmigrate es_init
        exit code 1
        """,
    )


def test_a_newer_history(school):
    school.ok("es_init")
    school.sql("INSERT INTO esmigrate.schema_migration VALUES (9001, 'later', 'x', '99.1')")
    transcript(
        school,
        """
        $ esmigrate es_update course_search
        esmigrate: error: the history was upgraded for esmigrate 99.1 or newer, this one is 0.1.0
        HINT: Install esmigrate 99.1 or newer.
        exit code 1
        $ esmigrate es_init
        esmigrate: error: the history was upgraded for esmigrate 99.1 or newer, this one is 0.1.0
        HINT: Install esmigrate 99.1 or newer.
        exit code 1
        """,
    )


def test_a_migration_of_another_content(school):
    school.ok("es_init")
    school.sql("UPDATE esmigrate.schema_migration SET sha256 = 'other' WHERE version = 1")
    transcript(
        school,
        """
        $ esmigrate es_init
        esmigrate: error: migration 0001_history was applied to the history with another content
        HINT: This esmigrate, or the one that applied it, is no release: use the released version.
        exit code 1
        """,
    )


def test_a_copied_history(school):
    courses.activated(school, changed=courses.CHANGED)
    # As in a restored backup: the database is another one than the history remembers.
    school.sql("UPDATE esmigrate.installation SET database_oid = database_oid + 1")
    transcript(
        school,
        """
        $ esmigrate es_update course_search
        esmigrate: error: the history was copied here from another database
        DETAIL: The indexes it names belong to the original, which may still write to them.
        HINT: If this database is used beside the original: DROP SCHEMA esmigrate CASCADE here, then esmigrate es_init --prefix P with a prefix that the original does not have. If it replaces the original (restored from a dump, moved): esmigrate es_init --adopt
        exit code 1
        $ esmigrate es_init
        esmigrate: error: the history was copied here from another database
        DETAIL: The indexes it names belong to the original, which may still write to them.
        HINT: If this database is used beside the original: DROP SCHEMA esmigrate CASCADE here, then esmigrate es_init --prefix P with a prefix that the original does not have. If it replaces the original (restored from a dump, moved): esmigrate es_init --adopt
        exit code 1
        """,
    )


def test_another_prefix(school):
    courses.activated(school, changed=courses.CHANGED)
    transcript(
        school,
        """
        $ esmigrate es_update course_search --prefix other_
        esmigrate: error: the history belongs to the prefix "qa_", not to "other_"
        HINT: Give --prefix 'qa_' (or ESMIGRATE_PREFIX), or take the history over for "other_": esmigrate es_init --adopt --prefix 'other_'
        exit code 1
        $ esmigrate es_init --adopt --prefix other_
        esmigrate: error: the history has live instances with the prefix "qa_", so "other_" cannot replace it
        HINT: Give --prefix 'qa_', or drop the instances first: esmigrate es_drop NAME --all
        exit code 1
        """,
    )


# ---- names and numbers


def test_an_unknown_master(school):
    courses.created(school, changed=courses.CHANGED)
    transcript(
        school,
        """
        $ esmigrate es_update cuorse_search
        esmigrate: error: the history knows no master "cuorse_search"
        HINT: Did you mean course_search? See which there are: esmigrate es_list
        exit code 2
        $ esmigrate es_activate lessons
        esmigrate: error: the history knows no master "lessons"
        HINT: See which there are: esmigrate es_list
        exit code 2
        """,
    )
    courses.declare(school, "lesson_search")
    transcript(
        school,
        """
        $ esmigrate es_update lesson_search
        esmigrate: error: the history knows no master "lesson_search"
        HINT: It is declared: esmigrate es_create lesson_search
        exit code 2
        """,
    )


def test_an_unknown_number(school):
    courses.created(school, changed=courses.CHANGED)
    transcript(
        school,
        """
        $ esmigrate es_update course_search 7
        esmigrate: error: course_search has no live instance 7
        HINT: There are: 1. See esmigrate es_list course_search
        exit code 1
        $ esmigrate es_drop course_search-7
        esmigrate: error: course_search has no live instance 7
        HINT: There are: 1. See esmigrate es_list course_search
        exit code 1
        $ esmigrate es_create course_search 7
        esmigrate: error: course_search: there is no live instance 7
        HINT: Instance 1 has this declaration: esmigrate es_create course_search 1
        exit code 1
        """,
    )


def test_every_instance_is_dropped(school):
    courses.created(school, changed=courses.CHANGED)
    school.ok("es_drop", MASTER, "--all", "--yes")
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: error: course_search has no live instance 1
        HINT: It has none at all: esmigrate es_create course_search
        exit code 1
        $ esmigrate es_activate course_search
        esmigrate: error: course_search has no instance
        HINT: Create one: esmigrate es_create course_search
        exit code 1
        """,
    )


def test_an_update_without_an_active_instance(school):
    courses.filled(school, changed=courses.CHANGED)
    transcript(
        school,
        """
        $ esmigrate es_update course_search
        esmigrate: error: course_search has no active instance
        HINT: The newest is 1: esmigrate es_update course_search 1
        exit code 1
        """,
    )


def test_an_update_of_a_master_that_was_never_created(school):
    courses.make_courses(school)
    school.ok("es_init")
    courses.declare(school, documents="SELECT 1")
    school.fails(2, "es_create", MASTER)
    transcript(
        school,
        """
        $ esmigrate es_update course_search --last
        esmigrate: error: course_search has no active instance
        HINT: It has none at all: esmigrate es_create course_search
        exit code 1
        """,
    )
    shutil.rmtree(school.indexes / MASTER)
    transcript(
        school,
        """
        $ esmigrate es_update course_search --last
        esmigrate: error: course_search has no active instance
        HINT: It has none at all, and is not declared in indexes/.
        exit code 1
        """,
    )


def test_since_without_a_zone(school):
    courses.activated(school, changed=courses.CHANGED)
    rows = len(school.history())
    transcript(
        school,
        """
        $ esmigrate es_update course_search --since '2026-01-31 08:00'
        esmigrate: error: the time "2026-01-31 08:00" has no time zone
        HINT: Write it as RFC 3339, for example 2026-01-31T08:00:00Z.
        exit code 2
        $ esmigrate es_update course_search --since yesterdayZ
        esmigrate: error: "yesterdayZ" is not a time
        HINT: Write it as RFC 3339, for example 2026-01-31T08:00:00Z.
        exit code 2
        """,
    )
    assert len(school.history()) == rows


# ---- not ours


def test_an_index_of_that_name_that_is_not_ours(school):
    courses.make_courses(school)
    school.ok("es_init")
    courses.declare(school)
    school.engine_server.must("PUT", school.full_name("course_search-1"))
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: the engine has an index "qa_course_search-1" that is not of this history
        HINT: If nobody needs it, delete it by hand and run the same command again. If somebody does, esmigrate needs a history with another --prefix.
        exit code 1
        """,
    )


def test_an_index_under_the_name_of_the_alias(school):
    courses.filled(school, changed=courses.CHANGED)
    school.engine_server.must("PUT", school.full_name(MASTER))
    courses.declare(school, documents=courses.OTHER_DOCUMENTS)
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: warning: the engine has an index named "qa_course_search", which course_search needs as its alias: es_activate refuses until --replace-index lets it delete that index
        exit code 0
        $ esmigrate es_activate course_search 1
        esmigrate: error: qa_course_search-1: the engine has an index named "qa_course_search", which course_search needs as its alias
        HINT: If the instance is to take its place: esmigrate es_activate course_search --replace-index deletes it and puts the alias there in one call. If not, give the declaration another name.
        exit code 1
        """,
    )


def test_an_index_that_is_gone(school):
    courses.activated(school, changed=courses.CHANGED)
    school.engine_server.must("DELETE", school.full_name("course_search-1"))
    transcript(
        school,
        """
        $ esmigrate es_update course_search
        esmigrate: error: index "qa_course_search-1" is gone from the engine
        HINT: Make it again, empty, with its own declaration: esmigrate es_create course_search --engine-only. Then fill it: esmigrate es_update course_search 1. Then give it the alias again: esmigrate es_activate course_search 1
        exit code 1
        """,
    )
    for command in ("es_create course_search --engine-only", "es_update course_search 1", "es_activate course_search 1"):
        school.ok(*command.split())
    assert len(school.docs(MASTER)) == 3


def test_an_index_that_is_gone_and_was_not_active(school):
    courses.filled(school, changed=courses.CHANGED)
    school.engine_server.must("DELETE", school.full_name("course_search-1"))
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1
        esmigrate: error: index "qa_course_search-1" is gone from the engine
        HINT: Make it again, empty, with its own declaration: esmigrate es_create course_search --engine-only. Then fill it: esmigrate es_update course_search 1
        exit code 1
        """,
    )


def test_an_index_that_someone_made_anew(school):
    courses.activated(school, changed=courses.CHANGED)
    name = school.full_name("course_search-1")
    [before] = school.engine_server.must("GET", f"_cat/indices/{name}?format=json&h=uuid")
    school.engine_server.must("DELETE", name)
    school.engine_server.must("PUT", name)
    [now] = school.engine_server.must("GET", f"_cat/indices/{name}?format=json&h=uuid")
    result = school.run("es_update", MASTER)
    result.err = result.err.replace(before["uuid"], "UUID-1").replace(now["uuid"], "UUID-2")
    said(
        school,
        result,
        """
        esmigrate: error: index "qa_course_search-1" in the engine is not the one esmigrate made
        DETAIL: Its uuid is UUID-2, the history has UUID-1.
        HINT: Is this the right cluster (--engine)? If it is, someone made or restored the index: delete it by hand, then: esmigrate es_create course_search --engine-only
        exit code 1
        """,
    )


# ---- activate


def test_activate_before_the_instance_is_filled(school):
    courses.created(school, changed=courses.CHANGED)
    transcript(
        school,
        """
        $ esmigrate es_activate course_search
        esmigrate: error: index "qa_course_search-1" is not filled: it has completed no full update
        HINT: Fill it: esmigrate es_update course_search 1
        exit code 1
        """,
    )
    school.ok("es_update", MASTER, "1")
    school.ok("es_clear", MASTER, "1", "--yes")
    transcript(
        school,
        """
        $ esmigrate es_activate course_search
        esmigrate: error: index "qa_course_search-1" is not filled: it has completed no full update since it was cleared
        HINT: Fill it: esmigrate es_update course_search 1
        exit code 1
        """,
    )


def test_activate_with_a_declaration_that_no_instance_has(school):
    courses.filled(school, changed=courses.CHANGED)
    courses.declare(school, documents=courses.OTHER_DOCUMENTS)
    transcript(
        school,
        """
        $ esmigrate es_activate course_search
        esmigrate: error: course_search: the newest instance, 1, was made from another declaration than indexes/course_search
        HINT: No instance was made from it yet: esmigrate es_create course_search. If you mean instance 1 all the same: esmigrate es_activate course_search 1
        exit code 1
        $ esmigrate es_update course_search --last
        esmigrate: error: course_search: the newest instance, 1, was made from another declaration than indexes/course_search
        HINT: No instance was made from it yet: esmigrate es_create course_search. If you mean instance 1 all the same: esmigrate es_update course_search 1
        exit code 1
        """,
    )


def test_activate_with_the_declaration_of_another_instance(school):
    courses.filled(school, changed=courses.CHANGED)
    courses.second_instance(school)
    courses.declare(school)
    transcript(
        school,
        """
        $ esmigrate es_activate course_search
        esmigrate: error: course_search: the newest instance, 2, was made from another declaration than indexes/course_search
        HINT: Instance 1 was made from it: esmigrate es_activate course_search 1. If you mean instance 2 all the same: esmigrate es_activate course_search 2
        exit code 1
        """,
    )


# ---- destructive


def test_not_confirmed(school):
    courses.filled(school, changed=courses.CHANGED)
    transcript(
        school,
        """
        $ esmigrate es_drop course_search-1
        esmigrate: error: es_drop is not confirmed; nothing was changed
        DETAIL: It would drop these indexes: qa_course_search-1.
        HINT: If that is meant, give --yes.
        exit code 8
        $ esmigrate es_clear course_search-1
        esmigrate: error: es_clear is not confirmed; nothing was changed
        DETAIL: It would remove all documents from these indexes: qa_course_search-1.
        HINT: If that is meant, give --yes.
        exit code 8
        """,
    )


def test_the_active_instance(school):
    courses.activated(school, changed=courses.CHANGED)
    transcript(
        school,
        """
        $ esmigrate es_drop course_search-1
        esmigrate: error: index "qa_course_search-1" is active: readers of course_search use it
        HINT: Activate another instance first, or give --force to es_drop it all the same.
        exit code 1
        $ esmigrate es_clear course_search-1 --yes
        esmigrate: error: index "qa_course_search-1" is active: readers of course_search use it
        HINT: Activate another instance first, or give --force to es_clear it all the same.
        exit code 1
        """,
    )


def test_an_instance_that_is_kept_for_a_rollback(school):
    courses.activated(school)
    courses.declare(school, documents=courses.OTHER_DOCUMENTS, master={"keep": "72 hours"})
    school.ok("es_deploy", MASTER)
    transcript(
        school,
        """
        $ esmigrate es_drop course_search --older --yes
        esmigrate: error: index "qa_course_search-1" is kept for es_rollback until TIME
        HINT: To drop only what is retired and not kept: esmigrate es_prune course_search; or give --force to es_drop it all the same: there is no way back to it then.
        exit code 1
        $ esmigrate es_clear course_search-1 --yes
        esmigrate: error: index "qa_course_search-1" is kept for es_rollback until TIME
        HINT: Give --force to es_clear it all the same: es_rollback finds it empty then.
        exit code 1
        $ esmigrate es_drop course_search --older --yes --force
        exit code 0
        """,
    )
