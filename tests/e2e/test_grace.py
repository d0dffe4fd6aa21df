"""Rule R1 b: a role that may not see when the sessions of others began waits for the end of all that ran."""

import contextlib
import datetime
import os
import re
import subprocess
import threading

import psycopg
import pytest

from faults import declare_items, expected_items, wait_until
from messages import said
from test_horizon import (
    NO_OVERLAP,
    OVERLAP,
    SECOND,
    changed_through,
    now,
    postgres_program,
    read_in_parallel,
    touch,
    transaction,
)

pytestmark = pytest.mark.either


def unprivileged(app, role=None):
    """esmigrate runs as a role with no more rights than it needs; to be dropped by drop_role()."""
    role = role or f"plain_{app.database}"
    app.sql(f"CREATE ROLE {role} LOGIN")
    app.sql(f"GRANT CREATE ON DATABASE {app.database} TO {role}")
    app.sql(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}")
    app.env["ESMIGRATE_HISTORY"] = app.conninfo.replace("user=postgres", f"user={role}")
    return role


def drop_role(app, role):
    app.sql(f"DROP OWNED BY {role}")
    app.sql(f"DROP ROLE {role}")


@pytest.fixture
def plain(app):
    """An app whose esmigrate runs as such a role, with no overlap: a lost row cannot hide behind it."""
    role = unprivileged(app)
    yield app
    drop_role(app, role)


def filled(app, rows=5):
    declare_items(app, rows, master=NO_OVERLAP)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    app.ok("es_activate", "item")


def waiting(app):
    return app.sql("SELECT * FROM esmigrate.horizon WHERE h IS NULL")


def assert_current(app):
    assert app.docs("item") == expected_items(app)


@contextlib.contextmanager
def held(app, key):
    """What waits for the lock `key` in the database waits until the block ends."""
    with contextlib.closing(app.connect()) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (key,))
        yield


@contextlib.contextmanager
def message(app, text):
    """One simple query of another session, at work until the block ends, which must let it end."""
    with contextlib.closing(app.connect(application_name="late_writer")) as connection:
        thread = threading.Thread(target=connection.execute, args=(text,))
        thread.start()
        yield connection
        thread.join()


def wait_for_lock(app, key):
    waits = "SELECT 1 AS one FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    wait_until(lambda: app.sql(waits, (key,)))


# ---- nothing runs, something runs


def test_where_nothing_runs_changed_through_is_the_start_of_the_update_less_the_overlap(plain):
    declare_items(plain, 5)
    plain.ok("es_create", "item")
    with contextlib.closing(plain.connect()):
        before = now(plain)
        result = plain.run("es_update", "item", "1", "-v", check=0)
        assert before - OVERLAP <= changed_through(plain) <= now(plain) - OVERLAP
    assert "(grace period): no transaction" in result.err
    assert waiting(plain) == []


def test_what_ran_at_an_update_is_waited_for_and_then_changed_through_is_that_updates_time(plain):
    filled(plain)
    before = changed_through(plain)
    with transaction(plain) as (late, _):
        touch(late, 3, "Late")
        noted = now(plain)
        result = plain.run("es_update", "item", check=0)
        then = now(plain)
        assert f"pid {late.info.backend_pid} (late_writer)" in result.err
        assert "warning" not in result.err
        plain.ok("es_update", "item")
        assert changed_through(plain) <= noted
        [row] = waiting(plain)
        assert row["waits_for"] == [late.info.backend_pid] and noted <= row["taken_at"] <= then
        late.execute("COMMIT")
        # It began before that moment too, so that the moment of this update is not through either.
        with transaction(plain) as (other, _):
            other.execute("SELECT 1")
            plain.ok("es_update", "item")
        assert before <= noted <= changed_through(plain) <= then
        assert_current(plain)
    plain.ok("es_update", "item")
    assert changed_through(plain) > then
    assert waiting(plain) == []


def test_a_first_load_that_knows_no_time_is_followed_by_a_full_one(plain):
    declare_items(plain, 5, master=NO_OVERLAP)
    plain.ok("es_create", "item")
    with transaction(plain) as (late, _):
        touch(late, 3, "Late")
        plain.ok("es_update", "item", "1")
        assert changed_through(plain) is None
        late.execute("COMMIT")
    [item] = plain.ok("es_update", "item", "1")
    assert item["mode"] == "full" and changed_through(plain) is not None
    assert plain.docs("item-1") == expected_items(plain)
    [item] = plain.ok("es_update", "item", "1")
    assert item["mode"] == "changed"


def test_a_time_that_another_instance_found_counts(plain):
    filled(plain)
    plain.ok("es_create", "item", "--force")
    with transaction(plain):
        plain.ok("es_update", "item", "2")
        assert changed_through(plain, 2) >= changed_through(plain, 1)
        [item] = plain.ok("es_update", "item", "2")
        assert item["mode"] == "changed"


def test_what_is_behind_for_long_is_a_warning(plain):
    filled(plain)
    with transaction(plain):
        plain.ok("es_update", "item")
        plain.sql("UPDATE esmigrate.horizon SET taken_at = taken_at - interval '16 minutes' WHERE h IS NULL")
        result = plain.run("es_update", "item", "-q", check=0)
    said(plain, result, """
        esmigrate: warning: changed_through cannot pass TIME until pid PID (late_writer), whose times this role does not see, has been idle for a moment; with pg_read_all_stats the role sees them
        exit code 0
    """)


def test_what_is_waited_for_is_said_and_each_way_of_v(plain):
    declare_items(plain, 5)
    plain.ok("es_create", "item")
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(transaction(plain))
        result = plain.run("es_update", "item", "1")
        said(plain, result, """
            esmigrate: qa_item-1: it is not filled yet, so this update is a full one
            esmigrate: changed_through stays where it is until pid PID (late_writer), pid PID (late_writer), pid PID (late_writer) and 1 more, whose times this role does not see, have all been idle for a moment
            exit code 0
        """)
    result = plain.run("es_update", "item", "1", "-v", check=0)
    assert re.search(r"horizon \S+Z \(grace period\): no transaction of the source that ran at \S+Z still runs\n", result.err)


def test_the_right_to_see_all_ends_the_waiting(plain):
    filled(plain)
    plain.sql(f"GRANT pg_read_all_stats TO plain_{plain.database}")
    with transaction(plain) as (late, began):
        result = plain.run("es_update", "item", "-v", check=0)
        assert "(statistics)" in result.err and changed_through(plain) == began


def test_times_of_the_roles_own_sessions_are_seen(plain):
    filled(plain)
    role = f"plain_{plain.database}"
    plain.sql(f"GRANT UPDATE ON item TO {role}")
    with transaction(plain, user=role) as (late, began):
        touch(late, 3, "Late")
        result = plain.run("es_update", "item", check=0)
        assert f"pid {late.info.backend_pid} (late_writer)" in result.err
        noted = changed_through(plain)
        assert noted <= began
        # A transaction of its own that is newer than the moment that is waited for does not hold it.
        late.execute("COMMIT")
        late.execute("BEGIN")
        touch(late, 4, "Later")
        plain.ok("es_update", "item")
        assert noted < changed_through(plain) <= now(plain)
        late.execute("COMMIT")
    plain.ok("es_update", "item")
    assert_current(plain)


# ---- one message, several transactions: the second stamps with a time before it began


def test_a_second_transaction_of_a_message_is_not_lost(plain):
    filled(plain)
    text = (
        "BEGIN; SELECT pg_advisory_xact_lock(101); COMMIT;"
        "BEGIN; UPDATE item SET title = '\"Second\"', changed_at = now() WHERE id = 3;"
        " SELECT pg_advisory_xact_lock(102); COMMIT"
    )
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(contextlib.ExitStack()) for _ in range(2))
        first.enter_context(held(plain, 101))
        second.enter_context(held(plain, 102))
        with message(plain, text):
            wait_for_lock(plain, 101)
            plain.ok("es_update", "item")
            first.close()
            wait_for_lock(plain, 102)
            for _ in range(2):
                plain.ok("es_update", "item")
            second.close()
    plain.ok("es_update", "item")
    assert plain.docs("item")["3"]["title"] == "Second"
    assert_current(plain)


def test_a_chained_transaction_is_not_lost(plain):
    filled(plain)
    plain.sql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_advisory_xact_lock(101); RETURN NULL; END $$"
    )
    plain.sql(
        "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON item DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION slow()"
    )
    with contextlib.closing(plain.connect()) as late:
        late.execute("BEGIN")
        touch(late, 1)
        with held(plain, 101):
            thread = threading.Thread(target=late.execute, args=("COMMIT AND CHAIN",))
            thread.start()
            wait_for_lock(plain, 101)
            plain.ok("es_update", "item")
        thread.join()
        touch(late, 3, "Chained")
        for _ in range(2):
            plain.ok("es_update", "item")
        late.execute("COMMIT")
    plain.ok("es_update", "item")
    assert plain.docs("item")["3"]["title"] == "Chained"
    assert_current(plain)


def test_a_script_of_many_transactions_in_one_message_is_not_lost(plain):
    """Between two of them there is no transaction to be seen, in one look of some."""
    filled(plain, 50)
    text = "".join(
        f"BEGIN; UPDATE item SET amount = '{n}', changed_at = now() WHERE id = {n % 50 + 1}; COMMIT;"
        for n in range(60000)
    )
    with message(plain, text) as late:
        pid = late.info.backend_pid
        wait_until(lambda: plain.sql("SELECT 1 AS one FROM pg_stat_activity WHERE pid = %s AND state = 'active'", (pid,)))
        began = now(plain)
        while plain.sql("SELECT 1 AS one FROM pg_stat_activity WHERE pid = %s AND state = 'active'", (pid,)):
            plain.ok("es_update", "item")
            ended = now(plain)
    assert ended - began > SECOND
    plain.ok("es_update", "item")
    assert_current(plain)


# ---- what ends a waiting, and what is not waited for


def test_after_a_restart_there_is_nothing_to_wait_for(private_postgres, make_app):
    app = make_app(postgres=private_postgres("--durable"))
    unprivileged(app)
    filled(app)
    with contextlib.closing(app.connect()) as late:
        late.execute("BEGIN")
        app.ok("es_update", "item")
        noted = now(app)
        app.postgres.kill()
    app.postgres.start()
    # Whoever has the process id now is not whom the update was waiting for.
    with transaction(app) as (other, _):
        waits_for = [other.info.backend_pid]
        [row] = other.execute(
            "UPDATE esmigrate.horizon SET waits_for = %s WHERE h IS NULL RETURNING taken_at", (waits_for,)
        ).fetchall()
        other.execute("COMMIT")
        other.execute("BEGIN")
        app.ok("es_update", "item")
        [instance] = other.execute("SELECT changed_through FROM esmigrate.index_instance").fetchall()
        assert instance["changed_through"] == row["taken_at"] <= noted


def test_a_prepared_transaction_is_not_lost(plain):
    filled(plain)
    with transaction(plain) as (late, _):
        touch(late, 3, "Prepared")
        plain.ok("es_update", "item")
        before = changed_through(plain)
        late.execute(f"PREPARE TRANSACTION '{plain.database}'")
    try:
        for _ in range(2):
            assert "prepared" in plain.run("es_update", "item", check=0).err
            assert changed_through(plain) == before
    finally:
        plain.sql(f"COMMIT PREPARED '{plain.database}'")
    plain.ok("es_update", "item")
    assert changed_through(plain) > before
    assert_current(plain)


def test_parallel_workers_of_our_own_sessions_are_not_waited_for(plain):
    filled(plain)
    with read_in_parallel(plain):
        later = now(plain)
        [item] = plain.ok("es_update", "item")
        assert datetime.datetime.fromisoformat(item["changed_through"]) >= later


def test_sessions_that_cannot_stamp_rows_are_not_waited_for(private_postgres, make_app):
    app = make_app(postgres=private_postgres("--set", "wal_level: logical"))
    unprivileged(app)
    filled(app)
    app.sql(
        "CREATE TABLE large WITH (autovacuum_enabled = off) AS"
        " SELECT repeat('x', 1000) AS x FROM generate_series(1, 20000)"
    )
    receive = [postgres_program("pg_recvlogical"), "-d", app.conninfo, "--slot", "late", "-f", os.devnull]
    subprocess.run([*receive, "--create-slot"], check=True)
    subscriber = subprocess.Popen([*receive, "--start"])
    with contextlib.closing(app.connect(options="-c vacuum_cost_delay=100 -c vacuum_cost_limit=1")) as vacuum:
        thread = threading.Thread(target=_vacuum, args=(vacuum,))
        thread.start()
        try:
            wait_until(lambda: app.sql("SELECT pid FROM pg_stat_progress_vacuum WHERE datname = current_database()"))
            wait_until(lambda: app.sql("SELECT pid FROM pg_stat_replication"))
            later = now(app)
            app.ok("es_update", "item")
            assert changed_through(app) >= later and waiting(app) == []
        finally:
            vacuum.cancel()
            thread.join()
            subscriber.terminate()
            subscriber.wait()


def _vacuum(connection):
    with contextlib.suppress(psycopg.errors.QueryCanceled):
        connection.execute("VACUUM large")
