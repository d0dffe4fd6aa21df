"""A pooler in between: one that gives out sessions by the transaction or statement is refused, one by the session works.

Session locks would not hold there, and settings and locks of ours would stay behind in the application's sessions.
"""

import contextlib
import json

import courses
import psycopg
import pytest
from faults import expected_items, filled_items, wait_until

pytestmark = pytest.mark.either

MASTER = courses.MASTER

# Every command but es_check, which is to report it.
COMMANDS = [
    ["es_init"],
    ["es_deploy", MASTER],
    ["es_plan", MASTER],
    ["es_create", MASTER, "--force"],
    ["es_update", MASTER, "--full"],
    ["es_retry", f"{MASTER}-1"],
    ["es_verify", MASTER],
    ["es_activate", MASTER, "1"],
    ["es_rollback", MASTER],
    ["es_list"],
    ["es_history"],
    ["es_clear", f"{MASTER}-2", "--yes"],
    ["es_drop", MASTER, "2", "--yes"],
    ["es_prune", MASTER, "--yes"],
]


def refusal(database, option, environment):
    return (
        f"{database} database: a pooler in between gives another session for each transaction\n"
        "DETAIL: Session locks would not hold, and settings would stay behind in sessions of others.\n"
        f"HINT: Name PostgreSQL itself with --{option} ({environment}), or a pool in session mode, then run the same command"
        " again.\n"
    )


OF_HISTORY = refusal("history", "history", "ESMIGRATE_HISTORY")
OF_SOURCE = refusal("source", "source", 'ESMIGRATE_SOURCE, "source" in master.json')


def two_instances(app):
    courses.activated(app)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")


@contextlib.contextmanager
def application(pooler, app, sessions):
    """Sessions of the pool, which the application has used and left as it wants them."""
    connections = [psycopg.connect(pooler.conninfo(app.database), prepare_threshold=None) for _ in range(sessions)]
    for connection in connections:
        # All at once, so that each has one of its own.
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
    for connection in connections:
        connection.commit()
    yield connections
    for connection in connections:
        connection.close()


def sessions_of(app):
    """How many sessions there are in its database, but for that of the test, and what advisory locks they hold."""
    return app.sql(
        "SELECT pid, (SELECT count(*) FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory') AS locks"
        " FROM pg_stat_activity a WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' ORDER BY pid"
    )


@pytest.mark.parametrize("turns", [0, 1])
def test_nothing_runs_through_a_pooler_of_transactions_and_nothing_is_left_there(app, pooler, turns):
    two_instances(app)
    courses.rename(app, 1, "New")
    before = courses.everything(app)
    pool = pooler("transaction", f"server_round_robin = {turns}")
    with application(pool, app, 3) as connections:
        pids = sessions_of(app)
        assert len(pids) == 3
        for command in COMMANDS:
            result = app.run(*command, env={"ESMIGRATE_HISTORY": pool.conninfo(app.database)}, check=1)
            assert result.err.endswith("error: " + OF_HISTORY), result
        assert courses.everything(app) == before
        # The same sessions as before, and none of them with a lock or a setting of ours.
        assert sessions_of(app) == [{**row, "locks": 0} for row in pids]
        for connection in connections:
            connection.execute("SELECT 1")
        zones = [connection.execute("SHOW TimeZone").fetchone()[0] for connection in connections]
        assert zones == ["Asia/Tokyo"] * 3


def test_nor_through_one_of_statements(app, pooler):
    two_instances(app)
    before = courses.everything(app)
    pool = pooler("statement")
    result = app.run("es_update", MASTER, env={"ESMIGRATE_HISTORY": pool.conninfo(app.database)}, check=1)
    assert result.err == "esmigrate: error: " + OF_HISTORY
    assert courses.everything(app) == before


@pytest.mark.parametrize("size", [1, 2, 20])
def test_nor_through_a_pool_of_any_size_that_others_use_too(app, pooler, size):
    """Other clients take and leave the sessions of the pool all the time."""
    app.ok("es_init")
    pool = pooler("transaction", f"default_pool_size = {size}")
    with application(pool, app, min(size, 3)) as connections:
        for connection in connections:
            connection.autocommit = True
        processes = [app.start("es_list", env={"ESMIGRATE_HISTORY": pool.conninfo(app.database)}) for _ in range(5)]
        while any(process.running for process in processes):
            for connection in connections:
                connection.execute("SELECT 1")
        for process in processes:
            assert process.wait(check=1).err == "esmigrate: error: " + OF_HISTORY


def test_a_source_is_refused_too_with_what_to_type(app, pooler):
    two_instances(app)
    courses.rename(app, 1, "New")
    pool = pooler("transaction")
    for command in (["es_update", MASTER], ["es_create", MASTER, "--force"], ["es_verify", MASTER]):
        result = app.run(*command, env={"ESMIGRATE_SOURCE": pool.conninfo(app.database)}, check=1)
        assert result.err.endswith(OF_SOURCE), result
    assert courses.titles(app, MASTER)["1"] == "Course 1"
    [update] = [row for row in app.history() if row["action"] == "update"][-1:]
    assert update["status"] == "failed"
    courses.declare(app, documents=courses.OTHER_DOCUMENTS, master={"source": pool.conninfo(app.database)})
    result = app.run("es_create", MASTER, "--force", check=1)
    assert result.err.endswith(OF_SOURCE), result


def test_a_whole_deploy_works_through_a_pooler_of_sessions(app, pooler):
    pool = pooler("session", "default_pool_size = 4")
    pooled = pool.conninfo(app.database)
    app.env["ESMIGRATE_HISTORY"] = app.env["ESMIGRATE_SOURCE"] = pooled
    courses.make_courses(app, 50)
    app.ok("es_init")
    courses.declare(app, changed=courses.CHANGED)
    app.ok("es_deploy", MASTER)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    courses.rename(app, 1, "New")
    app.ok("es_deploy", MASTER)
    assert app.alias(MASTER) == [app.full_name("course_search-2")]
    assert courses.titles(app, MASTER)["1"] == "NEW" and len(courses.titles(app, MASTER)) == 50
    app.ok("es_verify", MASTER)
    app.ok("es_rollback", MASTER)
    assert courses.titles(app, MASTER)["1"] == "New"
    assert {row["status"] for row in app.history()} == {"complete"}
    # What a run leaves to the pool is clean: its locks have gone with it.
    wait_until(lambda: all(row["locks"] == 0 for row in sessions_of(app)))


def test_a_lock_holds_through_a_pooler_of_sessions_and_ends_with_the_run(app, pooler):
    two_instances(app)
    pool = pooler("session")
    app.env["ESMIGRATE_HISTORY"] = pool.conninfo(app.database)
    with app.connect() as blocker:
        blocker.execute("BEGIN")
        blocker.execute("LOCK TABLE course IN ACCESS EXCLUSIVE MODE")
        process = app.start("es_update", MASTER, "--full", "--lock-timeout", "60")
        wait_until(lambda: any(row["status"] == "running" for row in app.history()))
        app.fails(7, "es_update", MASTER)
        process.kill()
    wait_until(lambda: all(row["locks"] == 0 for row in sessions_of(app)))
    app.ok("es_update", MASTER)


def test_a_pool_that_resets_nothing_gives_the_application_no_mark_of_ours(app, pooler):
    """Its late commits would be lost: to the horizon a session with the mark is one that writes no rows."""
    filled_items(app, 5, master={"overlap": "0 seconds"})
    pool = pooler("session", "server_reset_query =")
    app.ok("es_update", "item", "--source", pool.conninfo(app.database))
    # Of the run's sessions two are left, those of the pool.
    left = wait_until(lambda: len(sessions_of(app)) == 2 and sessions_of(app))
    # The application takes both, and does not name itself to the pool.
    with application(pool, app, 2) as connections:
        for number, late in enumerate(connections, 1):
            late.execute("UPDATE item SET title = to_json('Late'::text), changed_at = now() WHERE id = %s", (number,))
        assert [row["pid"] for row in sessions_of(app)] == [row["pid"] for row in left]
        app.ok("es_update", "item")
        for late in connections:
            late.commit()
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


def test_a_pooler_that_dies_takes_the_lock_with_it_and_the_same_command_again_works(app, pooler):
    two_instances(app)
    pool = pooler("session")
    with app.connect() as blocker:
        blocker.execute("BEGIN")
        blocker.execute("LOCK TABLE course IN ACCESS EXCLUSIVE MODE")
        process = app.start("es_update", MASTER, "--full", "--lock-timeout", "60",
                            env={"ESMIGRATE_HISTORY": pool.conninfo(app.database), "ESMIGRATE_SOURCE": app.conninfo})
        wait_until(lambda: any(row["status"] == "running" for row in app.history()))
        pool.kill()
    assert process.wait().code == 5
    app.ok("es_update", MASTER, "--full")


def lines(app, code, history, source):
    found = app.run("es_check", MASTER, "-o", "json", check=code,
                    env={"ESMIGRATE_HISTORY": history, "ESMIGRATE_SOURCE": source}).json
    return {line["check"]: line for line in found}


def test_es_check_reports_it(app, pooler):
    courses.activated(app, index={"settings": {"number_of_replicas": 0}, **courses.INDEX})
    app.sql("CREATE INDEX ON course (changed_at)")
    by_transaction = pooler("transaction").conninfo(app.database)
    by_session = pooler("session").conninfo(app.database)
    found = lines(app, 1, by_transaction, app.conninfo)
    assert found["history_pooler"]["verdict"] == "failed" and "history" not in found
    assert "gives another session for each transaction" in found["history_pooler"]["value"]
    assert "--history" in found["history_pooler"]["fix"] and found["source_pooler"]["verdict"] == "ok"
    found = lines(app, 1, app.conninfo, by_transaction)
    assert found["source_pooler"]["verdict"] == "failed" and "source" not in found, json.dumps(found)
    assert "--source" in found["source_pooler"]["fix"] and found["history_pooler"]["verdict"] == "ok"
    found = lines(app, 0, by_session, by_session)
    assert found["history_pooler"]["verdict"] == found["source_pooler"]["verdict"] == "ok"
