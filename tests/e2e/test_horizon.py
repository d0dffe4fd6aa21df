"""Rule R1: no late commit is lost, and changed_through stands still no longer than it must."""

import contextlib
import datetime
import os
import pathlib
import subprocess
import threading

import psycopg
import pytest

from faults import declare_items, expected_items, filled_items, gated_items, instance, wait_until
from wire import through_wire

pytestmark = pytest.mark.either

SECOND = datetime.timedelta(seconds=1)
OVERLAP = 5 * SECOND
# With no overlap a lost row cannot hide behind it.
NO_OVERLAP = {"overlap": "0 seconds"}


def now(app):
    [row] = app.sql("SELECT clock_timestamp() AS now")
    return row["now"]


def changed_through(app, number=1):
    return instance(app, number)["changed_through"]


def touch(connection, doc_id, title="Changed"):
    connection.execute("UPDATE item SET title = to_json(%s::text), changed_at = now() WHERE id = %s", (title, doc_id))


@contextlib.contextmanager
def transaction(app, **options):
    """An open transaction of another session: (connection, when it began)."""
    with contextlib.closing(app.connect(application_name="late_writer", **options)) as connection:
        connection.execute("BEGIN")
        yield connection, connection.execute("SELECT now()").fetchone()["now"]


def assert_current(app):
    assert app.docs("item") == expected_items(app)


# ---- the main form


def test_changed_through_is_the_start_of_the_update_less_the_overlap(app):
    filled_items(app, 5)
    before = now(app)
    app.ok("es_update", "item")
    assert before - OVERLAP <= changed_through(app) <= now(app) - OVERLAP
    app.declare("item", master={"overlap": "1 minute"})
    app.sql("UPDATE esmigrate.index_instance SET changed_through = NULL")
    app.ok("es_update", "item")
    assert changed_through(app) <= now(app) - 60 * SECOND


def test_a_change_that_commits_after_an_update_is_in_the_next_one(app):
    filled_items(app, 5, master=NO_OVERLAP)
    with transaction(app) as (late, began):
        touch(late, 3, "Late")
        for _ in range(2):
            [item] = app.ok("es_update", "item")
            assert app.docs("item")["3"] == {"title": "Item 3", "amount": "3"}
            assert changed_through(app) <= began
        late.execute("COMMIT")
    [item] = app.ok("es_update", "item")
    assert app.docs("item")["3"]["title"] == "Late"
    assert_current(app)


def test_a_change_that_commits_while_a_full_load_reads_is_in_the_next_update(app):
    gate = gated_items(app, 10, 5, master=NO_OVERLAP)
    app.ok("es_create", "item")
    with transaction(app) as (late, _):
        touch(late, 3, "Late")
        gate.close()
        process = app.start("es_update", "item", "1")
        gate.wait()
        with contextlib.closing(app.connect()) as other:
            touch(other, 7, "Meanwhile")
        late.execute("COMMIT")
    gate.open()
    process.wait(check=0)
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_changed_through_is_held_by_the_oldest_transaction_of_the_source(app):
    filled_items(app, 5)
    app.sql("UPDATE esmigrate.index_instance SET changed_through = now() - interval '1 hour'")
    with transaction(app) as (_, began):
        with transaction(app):
            result = app.run("es_update", "item", "-v", check=0)
        assert changed_through(app) == began - OVERLAP
    assert "late_writer" in result.err


def test_a_transaction_of_another_database_does_not_hold_it(make_app):
    app, other = make_app(), make_app()
    filled_items(app, 5)
    with transaction(other) as (_, began):
        app.ok("es_update", "item")
        assert changed_through(app) > began - OVERLAP


def test_many_writers_lose_nothing(app):
    """Writers whose commits come up to half a second after their stamps, and updates one after the other."""
    filled_items(app, 400, master={"overlap": "100 milliseconds"})
    stop = threading.Event()

    def write(first):
        with contextlib.closing(app.connect()) as connection:
            for round_ in range(1000):
                if stop.is_set():
                    return
                connection.execute("BEGIN")
                connection.execute(
                    "UPDATE item SET amount = (amount::int + 1)::text, changed_at = now()"
                    " WHERE id %% 8 = %s AND id > %s",
                    (first, round_ % 5 * 80),
                )
                connection.execute("SELECT pg_sleep(random() / 2)")
                connection.execute("COMMIT")

    writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(12):
            app.ok("es_update", "item")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    app.ok("es_update", "item")
    assert_current(app)


# ---- sessions that do not count


def test_our_own_sessions_do_not_hold_it(app):
    gate = gated_items(app, 10, 5)
    app.ok("es_create", "item")
    app.ok("es_create", "item", "--force")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    later = now(app)
    second = app.start("es_update", "item", "2")
    gate.wait(2)
    gate.open()
    process.wait(check=0)
    second.wait(check=0)
    assert changed_through(app, 2) >= later - OVERLAP


@contextlib.contextmanager
def read_in_parallel(app):
    """A full load of another master, which workers of PostgreSQL read for us, is under way."""
    app.sql("CREATE TABLE large AS SELECT n AS id, repeat('x', 200) AS title FROM generate_series(1, 20000) n")
    app.sql("ANALYZE large")
    for setting in "min_parallel_table_scan_size", "parallel_setup_cost", "parallel_tuple_cost":
        app.sql(f"ALTER DATABASE {app.database} SET {setting} = 0")
    app.declare("large", index={}, documents="SELECT id AS _id, title FROM large WHERE pg_sleep(0.003) IS NOT NULL")
    app.ok("es_create", "large")
    process = app.start("es_update", "large", "1", "-q")
    workers = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND leader_pid IS NOT NULL"
    wait_until(lambda: app.sql(workers))
    try:
        yield
    finally:
        process.kill()


def test_parallel_workers_of_our_own_sessions_do_not_hold_it(app):
    filled_items(app, 5, master=NO_OVERLAP)
    with read_in_parallel(app):
        later = now(app)
        [item] = app.ok("es_update", "item")
        assert datetime.datetime.fromisoformat(item["changed_through"]) >= later


def postgres_program(name):
    return str(max(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))


def test_a_subscriber_of_the_source_does_not_hold_it(private_postgres, make_app):
    app = make_app(postgres=private_postgres("--set", "wal_level: logical"))
    filled_items(app, 5)
    receive = [postgres_program("pg_recvlogical"), "-d", app.conninfo, "--slot", "late", "-f", os.devnull]
    subprocess.run([*receive, "--create-slot"], check=True)
    subscriber = subprocess.Popen([*receive, "--start"])
    try:
        active = "SELECT query_start FROM pg_stat_activity WHERE backend_type = 'walsender' AND state = 'active'"
        wait_until(lambda: app.sql(active))
        later = wait_until(lambda: now(app))
        app.ok("es_update", "item")
        assert changed_through(app) >= later - OVERLAP
    finally:
        subscriber.terminate()
        subscriber.wait()
        wait_until(lambda: not app.sql("SELECT 1 AS one FROM pg_replication_slots WHERE active"))
        app.sql("SELECT pg_drop_replication_slot('late')")


def test_a_vacuum_does_not_hold_it(app):
    filled_items(app, 5)
    app.sql(
        "CREATE TABLE large WITH (autovacuum_enabled = off) AS"
        " SELECT repeat('x', 1000) AS x FROM generate_series(1, 20000)"
    )
    with contextlib.closing(app.connect()) as vacuum:
        vacuum.execute("SET vacuum_cost_delay = 100")
        vacuum.execute("SET vacuum_cost_limit = 1")
        thread = threading.Thread(target=lambda: _run_until_cancelled(vacuum, "VACUUM large"))
        thread.start()
        try:
            wait_until(lambda: app.sql("SELECT pid FROM pg_stat_progress_vacuum WHERE datname = current_database()"))
            later = now(app)
            app.ok("es_update", "item")
            assert changed_through(app) >= later - OVERLAP
        finally:
            vacuum.cancel()
            thread.join()


def _run_until_cancelled(connection, statement):
    with contextlib.suppress(psycopg.errors.QueryCanceled):
        connection.execute(statement)


# ---- prepared transactions


def test_a_prepared_transaction_holds_changed_through_until_it_is_resolved(app):
    filled_items(app, 5, master=NO_OVERLAP)
    app.ok("es_update", "item")
    with transaction(app) as (late, _):
        touch(late, 3, "Prepared")
        app.ok("es_update", "item")
        before = changed_through(app)
        late.execute(f"PREPARE TRANSACTION '{app.database}'")
    try:
        for _ in range(2):
            result = app.run("es_update", "item", check=0)
            assert "prepared" in result.err
            assert changed_through(app) == before
        app.sql(f"COMMIT PREPARED '{app.database}'")
    finally:
        for row in app.sql("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            app.sql(f"ROLLBACK PREPARED '{row['gid']}'")
    result = app.run("es_update", "item", check=0)
    assert "prepared" not in result.err
    assert changed_through(app) > before
    assert app.docs("item")["3"]["title"] == "Prepared"


def test_a_transaction_prepared_before_the_first_update_gives_no_changed_through(app):
    declare_items(app, 5, master=NO_OVERLAP)
    app.ok("es_create", "item")
    with transaction(app) as (late, _):
        touch(late, 3, "Prepared")
        late.execute(f"PREPARE TRANSACTION '{app.database}'")
    try:
        app.ok("es_update", "item", "1")
        assert changed_through(app) is None
        app.sql(f"COMMIT PREPARED '{app.database}'")
    finally:
        for row in app.sql("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            app.sql(f"ROLLBACK PREPARED '{row['gid']}'")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_a_transaction_that_is_prepared_while_the_horizon_is_read_is_not_lost(app):
    """After the clock was read, and before the sessions were: neither shows it to that update."""
    filled_items(app, 5, master=NO_OVERLAP)
    app.sql(
        "CREATE FUNCTION late_activity() RETURNS SETOF pg_stat_activity LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(1); RETURN QUERY SELECT * FROM pg_stat_activity; END $$"
    )
    with transaction(app) as (late, began), through_wire(app) as wire:
        wire.rewrite(r"FROM pg_catalog\.pg_stat_activity a", "FROM late_activity() a")
        touch(late, 3, "Prepared")
        process = app.start("es_update", "item")
        wait_until(lambda: app.sql("SELECT 1 AS one FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
        late.execute(f"PREPARE TRANSACTION '{app.database}'")
        process.wait(check=0)
    try:
        app.ok("es_update", "item")
        assert changed_through(app) <= began
    finally:
        app.sql(f"COMMIT PREPARED '{app.database}'")
    app.ok("es_update", "item")
    assert_current(app)


def test_a_prepared_transaction_does_not_shorten_the_overlap(app):
    """What limits changed_through was found by an update with none."""
    filled_items(app, 5, master=NO_OVERLAP)
    with transaction(app) as (late, _):
        late.execute("SELECT 1 FROM item")
        app.ok("es_update", "item")
        late.execute(f"PREPARE TRANSACTION '{app.database}'")
    try:
        app.declare("item", master={"overlap": "10 minutes"})
        app.ok("es_update", "item", "--full")
        assert changed_through(app) <= now(app) - 600 * SECOND
    finally:
        app.sql(f"ROLLBACK PREPARED '{app.database}'")


# ---- what cannot be seen


def test_track_activities_off_is_refused_with_the_hint(private_postgres, make_app):
    app = make_app(postgres=private_postgres("--set", "track_activities: off"))
    declare_items(app, 5)
    app.ok("es_create", "item")
    result = app.fails(1, "es_update", "item", "1")
    assert "track_activities" in result.err and "overlap" in result.err
    app.declare("item", master={"overlap": "1 minute"})
    app.ok("es_update", "item", "1")


# ---- the rest of the rule


def test_another_source_database_is_refused_until_a_full_update(make_app):
    app, copy = make_app(), make_app()
    filled_items(app, 5)
    copy.sql("CREATE TABLE item (id bigint PRIMARY KEY, title json, amount text, changed_at timestamptz NOT NULL)")
    copy.sql("""INSERT INTO item VALUES (1, '"Other"', 1, now() - interval '1 day')""")
    before = changed_through(app)
    result = app.fails(1, "es_update", "item", "--source", copy.conninfo)
    assert "--full" in result.err
    assert changed_through(app) == before
    app.ok("es_update", "item", "--source", copy.conninfo, "--full")
    assert app.docs("item") == {"1": {"title": "Other", "amount": "1"}}


def test_a_null_changed_at_is_counted_and_warned_of(app):
    app.sql("CREATE TABLE t (id int, changed_at timestamptz)")
    app.sql("INSERT INTO t VALUES (1, now()), (2, NULL), (3, NULL)")
    app.declare("item", index={}, documents="SELECT id AS _id, changed_at AS _changed_at, 1 AS one FROM t")
    app.ok("es_init")
    app.ok("es_create", "item")
    result = app.run("es_update", "item", "1", check=0)
    assert "2 documents" in result.err and "_changed_at" in result.err and "coalesce" in result.err
    assert len(app.docs("item-1")) == 3


def test_a_horizon_that_is_hardly_behind_is_not_talked_of(app):
    filled_items(app, 5)
    with transaction(app) as (late, _):
        held = app.run("es_update", "item", check=0)
        assert str(late.info.backend_pid) not in held.err


# ---- --since


def test_since_reads_from_that_time_on(app):
    filled_items(app, 5)
    app.sql("UPDATE item SET changed_at = now() - interval '1 day' WHERE id <= 2")
    [item] = app.ok("es_update", "item", "--since", (now(app) - 7200 * SECOND).isoformat())
    assert (item["mode"], item["indexed"]) == ("changed", 3)
    [item] = app.ok("es_update", "item", "--since", "2001-02-03T04:05:06Z")
    assert (item["indexed"], item["changed_from"]) == (5, "2001-02-03T04:05:06Z")
    assert datetime.datetime.fromisoformat(item["changed_through"]) == changed_through(app)


def test_since_never_moves_changed_through_past_a_gap(app):
    filled_items(app, 5, master=NO_OVERLAP)
    with contextlib.closing(app.connect()) as connection:
        touch(connection, 3, "In the gap")
    before = changed_through(app)
    result = app.run("es_update", "item", "--since", (now(app) + 3600 * SECOND).isoformat(), check=0)
    assert "changed_through" in result.err
    assert changed_through(app) == before
    app.ok("es_update", "item")
    assert_current(app)


def test_since_needs_a_zone(app):
    filled_items(app, 5)
    before = app.history()
    for wrong in "2026-01-31T08:00:00", "2026-01-31", "yesterday", "2026-13-01T00:00:00Z":
        app.fails(2, "es_update", "item", "--since", wrong)
    assert app.history() == before
