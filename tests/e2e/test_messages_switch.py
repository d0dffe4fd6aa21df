"""Messages of the switch: what a user types, all that is said to it, and the exit code."""

import courses
import pytest
from faults import wait_until
from messages import at_home, said, transcript
from test_switch import at_the_switch

pytestmark = pytest.mark.either

MASTER = courses.MASTER


@pytest.fixture
def school(app):
    return at_home(app)


def two(school, **master):
    """course_search-1 is active, course_search-2 filled and of these files."""
    courses.activated(school, changed=courses.CHANGED)
    courses.declare(school, documents=courses.OTHER_DOCUMENTS, changed=courses.CHANGED, master=master)
    school.ok("es_create", MASTER)
    school.ok("es_update", MASTER, "2")


def by_hand(school, verb, index):
    what = {"index": school.full_name(index), "alias": school.full_name(MASTER)}
    school.engine_server.must("POST", "_aliases", {"actions": [{verb: what}]})


def test_an_alias_that_is_elsewhere(school):
    two(school)
    by_hand(school, "remove", "course_search-1")
    by_hand(school, "add", "course_search-2")
    transcript(
        school,
        """
        $ esmigrate es_activate course_search
        esmigrate: error: alias "qa_course_search" points to "qa_course_search-2", not to "qa_course_search-1" as the history had it: someone else moved it
        DETAIL: Nothing was switched. The history has it as it is now.
        HINT: If "qa_course_search-2" is to be the active one: esmigrate es_activate course_search 2
        exit code 1
        $ esmigrate es_activate course_search
        exit code 0
        """,
    )


def test_an_index_in_the_place_of_an_alias_that_was_lost(school):
    """The active index is gone, and a write of the application made one of the alias's name. The hint leads out."""
    two(school)
    school.engine_server.must("DELETE", school.full_name("course_search-1"))
    school.engine_server.must("POST", school.full_name(MASTER) + "/_doc", {"title": "By the application"})
    transcript(
        school,
        """
        $ esmigrate es_activate course_search 2 --replace-index --yes
        esmigrate: error: qa_course_search-2: alias "qa_course_search" points to no index, not to "qa_course_search-1" as the history had it: someone else moved it
        DETAIL: Nothing was switched. The history has it as it is now.
        HINT: If "qa_course_search-2" is to be the active one: esmigrate es_activate course_search 2 --replace-index
        exit code 1
        $ esmigrate es_activate course_search 2 --replace-index --yes
        exit code 0
        """,
    )
    assert school.alias(MASTER) == [school.full_name("course_search-2")]


def test_a_rollback_when_a_hand_was_faster(school):
    """Another command has noticed it; es_rollback does not go forward to what everyone wants to get away from."""
    two(school)
    school.ok("es_activate", MASTER)
    by_hand(school, "remove", "course_search-2")
    by_hand(school, "add", "course_search-1")
    transcript(
        school,
        """
        $ esmigrate es_activate course_search
        esmigrate: error: alias "qa_course_search" points to "qa_course_search-1", not to "qa_course_search-2" as the history had it: someone else moved it
        DETAIL: Nothing was switched. The history has it as it is now.
        HINT: If "qa_course_search-2" is to be the active one: esmigrate es_activate course_search 2
        exit code 1
        $ esmigrate es_rollback course_search --rehearse
        esmigrate: error: someone has moved the alias of course_search to "qa_course_search-1" by hand already
        DETAIL: That was noticed at TIME. Nothing was switched: es_rollback would go to "qa_course_search-2", which the alias was taken off.
        HINT: If readers are to stay on "qa_course_search-1", there is nothing to do. If "qa_course_search-2" is to be the active one: esmigrate es_activate course_search 2
        exit code 1
        $ esmigrate es_rollback course_search
        esmigrate: error: someone has moved the alias of course_search to "qa_course_search-1" by hand already
        DETAIL: That was noticed at TIME. Nothing was switched: es_rollback would go to "qa_course_search-2", which the alias was taken off.
        HINT: If readers are to stay on "qa_course_search-1", there is nothing to do. If "qa_course_search-2" is to be the active one: esmigrate es_activate course_search 2
        exit code 1
        """,
    )
    assert school.alias(MASTER) == [school.full_name("course_search-1")]
    # Once a switch of ours has confirmed where it is, or moved it, es_rollback goes where it always went.
    school.ok("es_activate", MASTER, "1")
    assert school.ok("es_rollback", MASTER)[0]["instance"] == 2
    assert school.ok("es_rollback", MASTER)[0]["instance"] == 1


@pytest.mark.parametrize("active, not_needed", [(1, 2), (2, 1)])
def test_an_alias_on_two_indexes(school, active, not_needed):
    """The one that is active in the history is not the one that it is to be taken off."""
    two(school)
    if active == 2:
        school.ok("es_activate", MASTER, "2")
    by_hand(school, "add", f"course_search-{not_needed}")
    transcript(
        school,
        """
        $ esmigrate es_activate course_search
        esmigrate: error: alias "qa_course_search" points to "qa_course_search-1" and "qa_course_search-2"
        HINT: Readers see all of them. Take it off all but one by hand, then run the same command again: POST /_aliases {"actions": [{"remove": {"index": "qa_course_search-%s", "alias": "qa_course_search"}}]}
        exit code 1
        """
        % not_needed,
    )


def test_commands_that_stop_and_resume(school):
    two(school, stop_indexing="true", resume_indexing="exit 4")
    transcript(
        school,
        """
        $ esmigrate es_activate course_search --stop-indexing "exit 3" --resume-indexing true
        esmigrate: course_search: calling stop_indexing
        esmigrate: course_search: calling resume_indexing
        esmigrate: course_search: indexing stood still for S seconds
        esmigrate: error: qa_course_search-2: the command for stop_indexing failed: it ended with exit status 3
        DETAIL: Nothing was switched.
        exit code 1
        $ esmigrate es_activate course_search
        esmigrate: course_search: calling stop_indexing
        esmigrate: course_search: calling resume_indexing
        esmigrate: error: qa_course_search-2: the command for resume_indexing failed: it ended with exit status 4
        DETAIL: The alias was switched all the same.
        HINT: Indexing may still stand still. Run the command of resume_indexing by hand.
        exit code 1
        """,
    )


def test_indexing_that_was_left_stopped(school):
    two(school)
    transcript(
        school,
        """
        $ esmigrate es_activate course_search --stop-indexing true --resume-indexing "exit 4"
        esmigrate: course_search: calling stop_indexing
        esmigrate: course_search: calling resume_indexing
        esmigrate: error: qa_course_search-2: the command for resume_indexing failed: it ended with exit status 4
        DETAIL: The alias was switched all the same.
        HINT: Indexing may still stand still. Run the command of resume_indexing by hand.
        exit code 1
        $ esmigrate es_activate course_search 1
        esmigrate: warning: course_search: the es_activate begun at TIME stopped indexing, and nothing has resumed it since: give the command with --resume-indexing, or none if it was run by hand
        exit code 0
        $ esmigrate es_activate course_search --resume-indexing "exit 4"
        esmigrate: course_search: calling resume_indexing
        esmigrate: error: qa_course_search-2: the command for resume_indexing failed: it ended with exit status 4
        DETAIL: The es_activate begun at TIME had stopped it. Nothing was switched.
        HINT: Indexing may still stand still. Run the command of resume_indexing by hand.
        exit code 1
        $ esmigrate es_activate course_search --resume-indexing true
        esmigrate: course_search: calling resume_indexing
        esmigrate: course_search: indexing stood still for S seconds
        exit code 0
        """,
    )


def test_a_crash_while_indexing_stood_still(school):
    two(school)
    process = school.start("es_activate", MASTER, "--stop-indexing", "touch stopped; sleep 60", "--resume-indexing", "true")
    wait_until((school.folder / "stopped").exists)
    process.kill()
    transcript(
        school,
        """
        $ esmigrate es_activate course_search --resume-indexing true
        esmigrate: course_search: an es_activate had crashed: the alias points to "qa_course_search-1"
        esmigrate: warning: course_search: the es_activate begun at TIME had called its stop_indexing hook, and not the one that resumes it: is indexing still stopped? The next es_activate calls it: esmigrate es_activate course_search
        esmigrate: course_search: calling resume_indexing
        esmigrate: course_search: indexing stood still for S seconds
        exit code 0
        """,
    )


def test_an_alias_of_the_application_that_moves_at_this_moment(school):
    two(school, read_alias="courses_read")
    put = {"alias": school.full_name("courses_read"), "is_write_index": True}
    first, second = school.full_name("course_search-1"), school.full_name("course_search-2")
    school.ok("es_activate", MASTER, "1")
    with at_the_switch(school, "es_activate", MASTER) as held:
        school.engine_server.must("POST", "_aliases", {"actions": [
            {"remove": {"index": first, "alias": put["alias"]}}, {"add": {"index": second, **put}}]})
    if school.engine_server.family == "opensearch":
        said(school, held.result, """
            esmigrate: error: qa_course_search-2: alias "qa_courses_read" was moved by someone else at this moment
            HINT: Nothing was switched. See who moves it, then run the same command again.
            exit code 1
            """)
    transcript(school, """
        $ esmigrate es_activate course_search
        exit code 0
        """)


def test_a_command_that_is_required_or_missing(school):
    two(school, require_stop_indexing=True)
    transcript(
        school,
        """
        $ esmigrate es_activate course_search
        esmigrate: error: course_search: master.json requires a command that stops indexing
        HINT: Give it with --stop-indexing and --resume-indexing, or --stop-indexing none to switch without.
        exit code 2
        $ esmigrate es_activate course_search --stop-indexing true
        esmigrate: error: course_search: there is a command that stops indexing, and none that resumes it
        HINT: Give it with --resume-indexing, or --resume-indexing none.
        exit code 2
        $ esmigrate es_activate course_search --reads-only --writes-only
        esmigrate: error: --reads-only and --writes-only exclude each other
        exit code 2
        $ esmigrate es_activate course_search --writes-only --replace-index --yes
        esmigrate: error: --writes-only and --replace-index exclude each other
        exit code 2
        $ esmigrate es_deploy --all --replace-index --yes
        esmigrate: error: --all and --replace-index exclude each other
        HINT: Name those whose index is to be deleted.
        exit code 2
        $ esmigrate es_activate course_search --writes-only
        esmigrate: error: course_search has no "write_alias" in master.json
        HINT: Without --writes-only the alias that readers use is switched.
        exit code 2
        """,
    )


def test_rollbacks(school):
    two(school)
    transcript(
        school,
        """
        $ esmigrate es_rollback course_search
        esmigrate: error: course_search has no instance that was active before "qa_course_search-1"
        HINT: See what there is: esmigrate es_list course_search
        exit code 1
        $ esmigrate es_activate course_search
        exit code 0
        $ esmigrate es_rollback course_search-1
        esmigrate: error: es_rollback takes the name of a master, not an instance: es_activate switches to any
        exit code 2
        """,
    )
    school.sql("ALTER TABLE course RENAME COLUMN title TO name")
    transcript(
        school,
        """
        $ esmigrate es_rollback course_search
        esmigrate: error: nothing was switched, since the last update failed: qa_course_search-1/documents.sql: line 1, column 46: source database: column "title" does not exist
        DETAIL: The source is the database "school", that of the history, since neither --source, ESMIGRATE_SOURCE nor "source" in master.json names one.
        HINT: Is --source right? If it is, the SQL that the instance was created with, and is updated with, does not fit the source any more. Change the files, then: esmigrate es_create course_search; or, to switch to it as it is: esmigrate es_rollback course_search --allow-stale
        exit code 5
        """,
    )
