"""What is said when a server is down, full, shut or locked: the exact message and exit code.

Each text is what a terminal shows: the command, all of stderr, the exit code.
"""

import contextlib

import courses
import pytest
from faults import gated_items, through_proxy, wait_until
from messages import at_home, plain, said, transcript

pytestmark = pytest.mark.either

MASTER = courses.MASTER


@pytest.fixture
def school(app):
    """An application with the table course, in its project folder, and course_search declared."""
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app, changed=courses.CHANGED)
    return at_home(app)


def test_the_engine_is_down(school):
    transcript(
        school,
        """
        $ esmigrate es_create course_search --engine http://127.0.0.1:1
        esmigrate: error: course_search: engine: connect: http://127.0.0.1:1: Couldn't connect to server
        HINT: Is the engine running at http://127.0.0.1:1? Name another with --engine, OPENSEARCH_URL or ELASTICSEARCH_URL.
        exit code 6
        $ esmigrate es_list --engine http://127.0.0.1:1
        esmigrate: warning: the documents are not counted: engine: connect: http://127.0.0.1:1: Couldn't connect to server
        HINT: Is the engine running at http://127.0.0.1:1? Name another with --engine, OPENSEARCH_URL or ELASTICSEARCH_URL.
        exit code 0
        """,
    )


def test_no_engine_there(school):
    # PostgreSQL answers at that port, but not with HTTP.
    address = dict(pair.split("=") for pair in school.conninfo.split())
    school.env["OPENSEARCH_URL"] = school.env["ELASTICSEARCH_URL"] = ""
    school.env["OPENSEARCH_URL"] = f"http://127.0.0.1:{address['port']}"
    transcript(
        school,
        """
        $ esmigrate es_create course_search
        esmigrate: error: course_search: engine: connect: http://127.0.0.1:PORT: Empty reply from server
        HINT: Is the engine running at http://127.0.0.1:PORT? If it speaks TLS there, name it as https://... with --engine URL.
        exit code 6
        """,
    )


def test_postgresql_is_down(school):
    transcript(
        school,
        """
        $ esmigrate es_create course_search --history 'host=127.0.0.1 port=1 user=app dbname=school'
        esmigrate: error: history database: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
        HINT: Is the server running, and are the connection string (--history, ESMIGRATE_HISTORY), user and password right? Try the same with psql.
        exit code 5
        $ esmigrate es_create course_search --source 'host=127.0.0.1 port=1 user=app dbname=school'
        esmigrate: error: course_search: source database: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
        HINT: Is the server running, and are the connection string (--source, ESMIGRATE_SOURCE, "source" in master.json), user and password right? Try the same with psql.
        exit code 5
        """,
    )


def test_postgresql_is_down_and_no_history_is_named(school):
    school.env.pop("ESMIGRATE_HISTORY")
    school.env.update(PGHOST="127.0.0.1", PGPORT="1", PGUSER="app", PGDATABASE="school")
    transcript(
        school,
        """
        $ esmigrate es_list
        esmigrate: error: history database: cannot connect: connection to server at "127.0.0.1", port 1 failed: Connection refused
        HINT: Neither --history nor ESMIGRATE_HISTORY is given; libpq's own environment (PGHOST, PGDATABASE, ...) and defaults were used. Name the database, for example: --history 'host=localhost dbname=app'. Try the same with psql.
        exit code 5
        """,
    )


def test_a_database_that_does_not_exist(school):
    school.env["ESMIGRATE_HISTORY"] = school.conninfo.replace(school.database, "scool")
    transcript(
        school,
        """
        $ esmigrate es_list
        esmigrate: error: history database: cannot connect: connection to server at "127.0.0.1", port PORT failed: FATAL:  database "scool" does not exist
        HINT: Is the server running, and are the connection string (--history, ESMIGRATE_HISTORY), user and password right? Try the same with psql.
        exit code 5
        """,
    )


def test_a_malformed_connection_string(school):
    transcript(
        school,
        """
        $ esmigrate es_list --history 'host=127.0.0.1 dbname'
        esmigrate: error: the connection string of the history database is malformed
        HINT: Write keyword=value pairs (host=... dbname=...) or a URI (postgresql://user@host/dbname).
        exit code 2
        """,
    )


def test_a_wrong_password(private_postgres, make_app):
    app = at_home(make_app(postgres=private_postgres()))
    app.sql("CREATE ROLE careful LOGIN PASSWORD 'right'")
    [row] = app.sql("SHOW hba_file")
    lines = "VALUES ('host all careful 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust')"
    app.sql(f"COPY ({lines}) TO '{row['hba_file']}'")
    app.sql("SELECT pg_reload_conf()")
    app.env["ESMIGRATE_HISTORY"] = app.conninfo.replace("user=postgres", "user=careful") + " password=wrong"
    transcript(
        app,
        """
        $ esmigrate es_list
        esmigrate: error: history database: cannot connect: connection to server at "127.0.0.1", port PORT failed: FATAL:  password authentication failed for user "careful"
        HINT: Is the server running, and are the connection string (--history, ESMIGRATE_HISTORY), user and password right? Try the same with psql.
        exit code 5
        """,
    )


def test_a_disk_of_the_engine_is_full(school):
    """The engine sets this block itself when a disk is nearly full; a command that meets it waits half a minute."""
    school.ok("es_create", MASTER)
    index = school.full_name("course_search-1")
    block = {"index.blocks.read_only_allow_delete": True}
    school.engine_server.must("PUT", f"{index}/_settings", block)
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1 --progress never
        esmigrate: qa_course_search-1: it is not filled yet, so this update is a full one
        esmigrate: warning: qa_course_search-1: 3 documents met a block on the index: index [qa_course_search-1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block]; trying again, for at most N more seconds
        esmigrate: error: index "qa_course_search-1": the engine refuses writes because one of its disks is nearly full
        DETAIL: The index is not filled yet. The error was: index "qa_course_search-1": given up after N tries: 3 documents met a block on the index: index [qa_course_search-1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];
        HINT: Free space on the engine's disks, for example with esmigrate es_drop NAME --older, and run the same command again. The engine lifts the block itself once there is space; if it does not: PUT /qa_course_search-1/_settings {"index.blocks.read_only_allow_delete": null}
        exit code 6
        """,
    )
    school.engine_server.must("PUT", f"{index}/_settings", {"index.blocks.read_only_allow_delete": None})
    school.ok("es_update", MASTER, "1")
    before = courses.instances(school)["course_search-1"]["changed_through"]
    courses.rename(school, 1, "New")
    school.engine_server.must("PUT", f"{index}/_settings", block)
    transcript(
        school,
        """
        $ esmigrate es_activate course_search --no-update
        esmigrate: error: index "qa_course_search-1": the engine refuses writes because one of its disks is nearly full
        DETAIL: The alias was not switched. The error was: engine: update aliases: cluster_block_exception: index [qa_course_search-1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];
        HINT: Free space on the engine's disks, for example with esmigrate es_drop NAME --older, and run the same command again. The engine lifts the block itself once there is space; if it does not: PUT /qa_course_search-1/_settings {"index.blocks.read_only_allow_delete": null}
        exit code 6
        $ esmigrate es_update course_search 1 --progress never
        esmigrate: warning: qa_course_search-1: 1 document met a block on the index: index [qa_course_search-1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block]; trying again, for at most N more seconds
        esmigrate: error: index "qa_course_search-1": the engine refuses writes because one of its disks is nearly full
        DETAIL: changed_through stays at TIME. The error was: index "qa_course_search-1": given up after N tries: 1 document met a block on the index: index [qa_course_search-1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];
        HINT: Free space on the engine's disks, for example with esmigrate es_drop NAME --older, and run the same command again. The engine lifts the block itself once there is space; if it does not: PUT /qa_course_search-1/_settings {"index.blocks.read_only_allow_delete": null}
        exit code 6
        """,
    )
    # After a crash the next run begins with the write alias.
    school.sql("UPDATE esmigrate.index_instance SET writer_epoch = writer_epoch + 1")
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1 --progress never
        esmigrate: error: index "qa_course_search-1": the engine refuses writes because one of its disks is nearly full
        DETAIL: changed_through stays at TIME. The error was: engine: update aliases: cluster_block_exception: index [qa_course_search-1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];
        HINT: Free space on the engine's disks, for example with esmigrate es_drop NAME --older, and run the same command again. The engine lifts the block itself once there is space; if it does not: PUT /qa_course_search-1/_settings {"index.blocks.read_only_allow_delete": null}
        exit code 6
        """,
    )
    assert courses.instances(school)["course_search-1"]["changed_through"] == before
    assert courses.active_index(school) is None
    school.engine_server.must("PUT", f"{index}/_settings", {"index.blocks.read_only_allow_delete": None})
    transcript(
        school,
        """
        $ esmigrate es_update course_search 1 --progress never
        exit code 0
        """,
    )
    assert courses.titles(school, "course_search-1")["1"] == "New"


# ---- the engine goes away while an update runs


def test_an_update_says_that_it_tries_again_and_that_it_goes_on(school):
    school.ok("es_create", MASTER)
    block = f"{school.full_name('course_search-1')}/_settings"
    school.engine_server.must("PUT", block, {"index.blocks.read_only_allow_delete": True})
    process = school.start("es_update", MASTER, "1", "--progress", "never")
    wait_until(lambda: "trying again" in process.err)
    school.engine_server.must("PUT", block, {"index.blocks.read_only_allow_delete": None})
    said(
        school,
        process.wait(),
        """
        esmigrate: qa_course_search-1: it is not filled yet, so this update is a full one
        esmigrate: warning: qa_course_search-1: 3 documents met a block on the index: index [qa_course_search-1] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block]; trying again, for at most N more seconds
        esmigrate: qa_course_search-1: the engine takes documents again
        exit code 0
        """,
    )
    assert len(courses.titles(school, "course_search-1")) == 3


def test_an_engine_that_is_gone_is_told_even_to_who_wants_quiet(school):
    school.ok("es_create", MASTER)
    with through_proxy(school) as proxy:
        proxy.lose("POST", "/_bulk", "before", for_good=True)
        process = school.start("es_update", MASTER, "1", "-q")
        wait_until(lambda: "trying again" in process.err)
        # It would go on for five minutes.
        assert plain(school, process.err) == (
            "esmigrate: warning: qa_course_search-1: engine: bulk: http://127.0.0.1:PORT: Empty reply from server;"
            " trying again, for at most N more seconds\n"
        )
        process.kill()


# ---- locks


def test_a_table_locked_by_another_transaction(school):
    school.ok("es_create", MASTER)
    school.ok("es_update", MASTER, "1")
    school.ok("es_activate", MASTER)
    with contextlib.closing(school.connect(application_name="migration")) as migration:
        migration.execute("BEGIN")
        migration.execute("LOCK TABLE course")
        transcript(
            school,
            """
            $ esmigrate es_update course_search --lock-timeout 1
            esmigrate: error: qa_course_search-1: source database: gave up waiting for a table that another transaction has locked
            DETAIL: The session with pid PID (migration) locks course, in a transaction since TIME.
            HINT: Let that transaction end, then run the same command again; or wait longer for it with --lock-timeout SECONDS.
            exit code 5
            $ esmigrate es_create course_search --lock-timeout 1
            esmigrate: error: course_search: source database: gave up waiting for a table that another transaction has locked
            DETAIL: The session with pid PID (migration) locks course, in a transaction since TIME.
            HINT: Let that transaction end, then run the same command again; or wait longer for it with --lock-timeout SECONDS.
            exit code 5
            """,
        )


def test_another_run_holds_the_lock(app):
    gate = gated_items(at_home(app), 10, 5)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1", "--tag", "nightly")
    gate.wait()
    transcript(
        app,
        """
        $ esmigrate es_update item 1
        esmigrate: error: qa_item-1: another run holds the lock
        DETAIL: "es_update item 1 --tag nightly" has been running since TIME: pid PID on HOST, user USER.
        HINT: See it with esmigrate es_history --running. Wait for its end with --wait-lock, or exit 0 instead of this error with --if-busy=skip.
        exit code 7
        $ esmigrate es_update item 1 --if-busy=skip
        esmigrate: qa_item-1: another run holds the lock, skipped
        exit code 0
        """,
    )
    gate.open()
    process.wait(check=0)


def test_who_waits_for_the_lock_is_told_whose_it_is(app):
    gate = gated_items(at_home(app), 10, 5)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    gate.close()
    process = app.start("es_update", "item", "1", "--full")
    gate.wait()
    second = app.start("es_update", "item", "1", "--full", "--wait-lock")
    wait_until(lambda: "waiting" in second.err)
    gate.open()
    process.wait(check=0)
    said(
        app,
        second.wait(),
        """
        esmigrate: qa_item-1: waiting for the lock: "es_update item 1 --full" has been running since TIME: pid PID on HOST, user USER
        exit code 0
        """,
    )


def test_something_else_than_a_run_holds_the_lock(school):
    """A session that took the advisory lock by hand, or a run that has not got as far as its row."""
    school.ok("es_create", MASTER)
    school.ok("es_update", MASTER, "1")
    [row] = school.sql("SELECT id FROM esmigrate.index_master")
    with contextlib.closing(school.connect()) as other:
        other.execute("SELECT pg_advisory_lock(x'65736d31'::int, %s::int)", (row["id"],))
        transcript(
            school,
            """
            $ esmigrate es_activate course_search
            esmigrate: error: qa_course_search-1: another run holds the lock
            DETAIL: It is the PostgreSQL session with pid PID from 127.0.0.1, connected since TIME.
            HINT: See it with esmigrate es_history --running. Wait for its end with --wait-lock, or exit 0 instead of this error with --if-busy=skip.
            exit code 7
            """,
        )
