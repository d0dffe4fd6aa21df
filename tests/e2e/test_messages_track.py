"""What es_track says of a wrong table or expression, and what an update says whose records are not all there: the exact
message and exit code."""

import contextlib

import courses
import messages
import pytest
from messages import said, transcript

MASTER = courses.MASTER
TRACK = ["es_track", MASTER, "--table", "course", "--id", "id", "--apply", "--yes"]


@pytest.fixture(scope="module")
def school(postgres_server, engine, tmp_path_factory):
    app = courses.own_app(postgres_server, engine, tmp_path_factory.mktemp("school"))
    courses.make_courses(app)
    app.sql("CREATE VIEW latest AS SELECT * FROM course; CREATE MATERIALIZED VIEW refreshed AS SELECT * FROM course;"
            " CREATE SCHEMA app; CREATE TABLE app.\"Entry\" (id int);"
            " CREATE TABLE part (id int) PARTITION BY RANGE (id); CREATE UNLOGGED TABLE fast (id int);"
            " CREATE FUNCTION slug(text) RETURNS text LANGUAGE sql AS 'SELECT $1'")
    app.ok("es_init")
    courses.declare(app)
    yield messages.at_home(app)
    app.clean_up()


def test_wrong_words_are_named(school):
    transcript(school, r"""
        $ esmigrate es_track course_search --table course
        esmigrate: error: es_track needs NAME, --table and --id, or --prune
        HINT: For example: esmigrate es_track course_search --table lesson --id course_id
        exit code 2
        $ esmigrate es_track course_search --prune --apply
        esmigrate: error: --prune takes neither --table and --id nor --apply
        exit code 2
        $ esmigrate es_track course_search --table course --id id --keep '1 day'
        esmigrate: error: --keep goes with --prune
        exit code 2
        $ esmigrate es_track corse_search --table course --id id
        esmigrate: error: the history knows no master "corse_search"
        HINT: See which there are: esmigrate es_list
        exit code 2
        """)


def test_a_table_that_cannot_be_tracked_is_named(school):
    transcript(school, r"""
        $ esmigrate es_track course_search --table curse --id id
        esmigrate: error: --table: there is no table curse in the source database "school"
        HINT: It is looked for in the search_path, which is "$user", public; write SCHEMA.TABLE for another schema, and '"Name"' for one with capitals.
        exit code 2
        $ esmigrate es_track course_search --table app.Entry --id id
        esmigrate: error: --table: there is no table app.Entry in the source database "school"
        HINT: Did you mean 'app."Entry"'?
        exit code 2
        $ esmigrate es_track course_search --table course. --id id
        esmigrate: error: --table course.: source database: invalid name syntax
        HINT: Write it as in SQL: lesson, app.lesson or '"Lesson"'.
        exit code 2
        $ esmigrate es_track course_search --table latest --id id
        esmigrate: error: --table: public.latest is a view
        HINT: Only tables have triggers that see every change: track those that it reads from, each with an expression of its own.
        exit code 2
        $ esmigrate es_track course_search --table refreshed --id id
        esmigrate: error: --table: public.refreshed is a materialized view
        HINT: Its rows change at REFRESH, which fires no trigger, and not when the tables change that it reads from. After each REFRESH: esmigrate es_update course_search --full. Or let the job that refreshes it write the ids that differ into a table, which changed.sql reads.
        exit code 2
        $ esmigrate es_track course_search --table pg_catalog.pg_class --id oid
        esmigrate: error: --table: pg_catalog.pg_class cannot be tracked: it is a temporary or a system table
        HINT: Name a table of the application.
        exit code 2
        """)


def test_an_expression_that_is_wrong_is_named(school):
    transcript(school, r"""
        $ esmigrate es_track course_search --table course --id 'upper(titel)'
        esmigrate: error: --id, character 7: source database: column "titel" does not exist
        HINT: Perhaps you meant to reference the column "course.title".
        exit code 2
        $ esmigrate es_track course_search --table course --id 'slug(title)'
        esmigrate: error: --id, character 1: source database: function slug(text) does not exist
        HINT: What is not PostgreSQL's own needs its schema, for example public.slug(title): triggers do not use the search_path of whoever writes.
        exit code 2
        $ esmigrate es_track course_search --table course --id 'id, title'
        esmigrate: error: --id: it is not one SQL expression over a row of the table
        HINT: It yields the _id of the document that a row concerns, for example --id course_id. For several documents: --id "unnest(ARRAY[course_id, other_id])"
        exit code 2
        $ esmigrate es_track course_search --table course --id 'max(id)'
        esmigrate: error: --id, character 1: source database: aggregate functions are not allowed in FROM clause of their own query level
        HINT: It is one SQL expression over a row of the table, for example --id course_id
        exit code 2
        $ esmigrate es_track course_search --table course --id 'id +'
        esmigrate: error: --id: source database: syntax error at or near ")"
        HINT: It is one SQL expression over a row of the table, for example --id course_id
        exit code 2
        $ esmigrate es_track course_search --table course --id 'id = $1'
        esmigrate: error: --id: it is not one SQL expression over a row of the table
        HINT: It yields the _id of the document that a row concerns, for example --id course_id. For several documents: --id "unnest(ARRAY[course_id, other_id])"
        exit code 2
        $ esmigrate es_track course_search --table course --id 'id; DROP TABLE course'
        esmigrate: error: --id, character 3: source database: syntax error at or near ";"
        HINT: It is one SQL expression over a row of the table, for example --id course_id
        exit code 2
        """)


def test_what_to_do_next_is_said_and_what_triggers_do_not_see(school):
    transcript(school, r"""
        $ esmigrate es_track course_search --table course --id id
        esmigrate: run the SQL in the source (or --apply); next: the SELECT into indexes/course_search/changed.sql, then: esmigrate es_create course_search. Earlier changes are not recorded: an index has to be filled after the triggers were made
        exit code 0
        $ esmigrate es_track course_search --table course --id id -q
        exit code 0
        $ esmigrate es_track course_search --table course --id title -q
        esmigrate: warning: --id is of type text, the _id of documents.sql of type integer: a value that is none would make es_update fail
        exit code 0
        $ esmigrate es_track course_search --table part --id id -q
        esmigrate: warning: public.part is partitioned: what is written to a partition by its own name, and partitions that are attached, detached or dropped, are not seen; track partitions too that are written to directly
        exit code 0
        $ esmigrate es_track course_search --table fast --id id -q
        esmigrate: warning: public.fast is unlogged: after a crash of the server it is empty, which is not seen; then es_update --full is needed
        exit code 0
        """)


def test_applying(school):
    transcript(school, r"""
        $ esmigrate es_track course_search --table course --id id --apply
        esmigrate: error: es_track is not confirmed; nothing was changed
        DETAIL: It would make triggers on public.course in the database "school".
        HINT: If that is meant, give --yes. Without --apply the SQL is printed.
        exit code 8
        $ esmigrate es_track course_search --table course --id id --apply --yes --owner postgresql://nobody@127.0.0.1:1/school
        esmigrate: error: course_search: source database: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
        HINT: Is the server running, and are the connection string (--owner, ESMIGRATE_SOURCE_OWNER), user and password right? Try the same with psql.
        exit code 5
        $ esmigrate es_track course_search --table course --id id --apply --yes
        esmigrate: next: the SELECT into indexes/course_search/changed.sql, then: esmigrate es_create course_search. Earlier changes are not recorded: an index has to be filled after the triggers were made
        exit code 0
        $ esmigrate es_track course_search --table course --id id --apply --yes --dry-run
        esmigrate: the source has this tracker already: course_search_course_1cebabb7
        esmigrate: run the SQL in the source (or --apply); next: the SELECT into indexes/course_search/changed.sql, then: esmigrate es_create course_search. Earlier changes are not recorded: an index has to be filled after the triggers were made
        esmigrate: dry run: nothing was changed
        exit code 0
        $ esmigrate es_track course_search --table course --id 'id + 0' -q
        exit code 0
        $ esmigrate es_track course_search --table course --id 'id + 0'
        esmigrate: public.course is tracked for course_search already, by id; this one is added. When no changed.sql needs the other any more: DROP FUNCTION esmigrate_source.course_search_course_1cebabb7 CASCADE
        esmigrate: run the SQL in the source (or --apply); next: the SELECT into indexes/course_search/changed.sql, then: esmigrate es_create course_search. Earlier changes are not recorded: an index has to be filled after the triggers were made
        exit code 0
        """)


def test_pruning(school):
    transcript(school, r"""
        $ esmigrate es_track course_search --prune --keep soon
        esmigrate: error: --keep: "soon" is not a duration
        HINT: Write an interval as PostgreSQL does, for example --keep '7 days'.
        exit code 2
        $ esmigrate es_track course_search --prune --keep '-1 day'
        esmigrate: error: --keep must not be negative
        HINT: Write an interval as PostgreSQL does, for example --keep '7 days'.
        exit code 2
        $ esmigrate es_track corse_search --prune
        esmigrate: error: the history knows no master "corse_search"
        HINT: Did you mean course_search? See which there are: esmigrate es_list
        exit code 2
        $ esmigrate es_track --prune --dry-run
        esmigrate: dry run: nothing was changed
        exit code 0
        """)


# ---- the state of things


@pytest.fixture
def tracked(app):
    """course_search-1, filled, whose changed.sql reads the tracker of table course."""
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    courses.declare(app, changed=app.ok(*TRACK)["changed_sql"])
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "1")
    app.ok("es_activate", MASTER)
    return messages.at_home(app)


def test_a_locked_table_names_who_locks_it(tracked):
    tracked.sql("DROP SCHEMA esmigrate_source CASCADE")
    with contextlib.closing(tracked.connect(application_name="nightly_import")) as writer:
        writer.execute("BEGIN; UPDATE course SET title = 'Busy'")
        said(tracked, tracked.run(*TRACK, "--lock-timeout", "1"), """
            esmigrate: error: course_search: source database: gave up waiting for a table that another transaction has locked; nothing was changed
            DETAIL: The session with pid PID (nightly_import) locks course, in a transaction since TIME.
            HINT: Let that transaction end, then run the same command again; or wait longer for it with --lock-timeout SECONDS: writers of the table wait meanwhile.
            exit code 5
            """)
    assert tracked.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'esmigrate_source'") == []


def test_changed_sql_without_its_triggers(tracked):
    tracked.sql("DROP SCHEMA esmigrate_source CASCADE")
    transcript(tracked, """
        $ esmigrate es_create course_search --force
        esmigrate: error: indexes/course_search/changed.sql: line 1, column 36: source database: relation "esmigrate_source.change" does not exist
        exit code 2
        """)


def test_records_that_were_pruned(tracked):
    tracked.sql("UPDATE esmigrate_source.tracker SET pruned_up_to = now()")
    transcript(tracked, """
        $ esmigrate es_update course_search
        esmigrate: error: index "qa_course_search-1": changes of public.course before TIME are no longer recorded in the source
        DETAIL: They were pruned; this update would have to begin at TIME.
        HINT: Read everything again: esmigrate es_update course_search-1 --full
        exit code 1
        $ esmigrate es_update course_search-1 --full
        exit code 0
        """)


def test_triggers_that_are_younger_than_the_load(tracked):
    tracked.sql("UPDATE esmigrate_source.tracker SET began_at = clock_timestamp()")
    transcript(tracked, """
        $ esmigrate es_update course_search
        esmigrate: error: index "qa_course_search-1": changes of public.course are recorded only since TIME, which is after the index was filled
        HINT: Read everything again: esmigrate es_update course_search-1 --full
        exit code 1
        """)


def test_triggers_that_are_gone(tracked):
    [tracker] = tracked.sql("SELECT name FROM esmigrate_source.tracker")
    tracked.sql(f"DROP TRIGGER {tracker['name']}_insert ON course")
    transcript(tracked, """
        $ esmigrate es_update course_search
        esmigrate: error: index "qa_course_search-1": the triggers of public.course that changed.sql relies on are gone, or were switched off
        DETAIL: Since then its changes are not recorded by tracker course_search_course_1cebabb7.
        HINT: Make them again: esmigrate es_track course_search --table 'public.course' --id 'id' --apply. Then read everything: esmigrate es_update course_search-1 --full
        exit code 1
        $ esmigrate es_track course_search --table 'public.course' --id 'id' --apply --yes -q
        exit code 0
        $ esmigrate es_update course_search-1 --full
        exit code 0
        $ esmigrate es_update course_search
        exit code 0
        """)


def test_an_instance_that_holds_pruning_back_is_named(tracked):
    tracked.sql("UPDATE esmigrate.index_instance SET changed_through = now() - interval '8 days'")
    transcript(tracked, """
        $ esmigrate es_track --prune
        esmigrate: warning: course_search_course_1cebabb7: index "qa_course_search-1" has read changes up to TIME only, so younger records stay; update it, or drop it
        exit code 0
        """)
