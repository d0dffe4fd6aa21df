"""The proxy in front of PostgreSQL does what it says: else a test that uses it would prove nothing."""

import signal
import threading

import psycopg
import pytest
from psycopg.rows import dict_row

from faults import declare_items, expected_items, filled_items, gated_items, wait_until
from wire import through_wire

pytestmark = pytest.mark.either


@pytest.fixture
def wire(app):
    app.sql("CREATE TABLE note (n integer)")
    with through_wire(app) as wire:
        yield wire


def connect(wire):
    return psycopg.connect(wire.conninfo, autocommit=True, row_factory=dict_row)


def notes(app):
    return [row["n"] for row in app.sql("SELECT n FROM note ORDER BY n")]


def in_background(connection, query, params=None):
    """Runs it in a thread: the exception that it raised will be in the list."""
    raised = []

    def run():
        try:
            connection.execute(query, params)
        except psycopg.Error as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, raised


@pytest.mark.parametrize("params", [None, (7,)])
def test_a_statement_is_held_before_the_server_sees_it(app, wire, params):
    held = wire.hold("INSERT INTO note", "before")
    with connect(wire) as connection:
        thread, raised = in_background(connection, f"INSERT INTO note VALUES ({'%s' if params else 7})", params)
        held.wait()
        assert notes(app) == []
        held.release()
        thread.join(10)
        assert (notes(app), raised) == ([7], [])


@pytest.mark.parametrize("params", [None, (7,)])
def test_the_answer_of_a_statement_is_held_after_the_server_did_it(app, wire, params):
    held = wire.hold("INSERT INTO note")
    with connect(wire) as connection:
        thread, raised = in_background(connection, f"INSERT INTO note VALUES ({'%s' if params else 7})", params)
        held.wait()
        assert notes(app) == [7] and thread.is_alive()
        held.release()
        thread.join(10)
        assert raised == []
        assert connection.execute("SELECT n FROM note").fetchall() == [{"n": 7}]


@pytest.mark.parametrize("when, left", [("before", [1]), ("after", [1, 2])])
def test_a_connection_is_lost_at_the_nth_statement_and_then_for_good(app, wire, when, left):
    wire.lose("INSERT", when, nth=2, for_good=True)
    with connect(wire) as connection:
        connection.execute("INSERT INTO note VALUES (1)")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("INSERT INTO note VALUES (2)")
    wait_until(lambda: notes(app) == left)
    with connect(wire) as connection, pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_what_was_held_for_a_client_that_is_gone_never_happens(app, wire):
    held = wire.hold("INSERT", "before")
    connection = connect(wire)
    backend = connection.info.backend_pid
    in_background(connection, "INSERT INTO note VALUES (%s)", (7,))
    held.wait()
    connection.close()
    wait_until(lambda: not app.sql("SELECT pid FROM pg_stat_activity WHERE pid = %s", (backend,)))
    held.release()
    assert notes(app) == []


def test_texts_are_replaced_and_recorded(app, wire):
    rewrite = wire.rewrite(r"\bnow\(\)", "'epoch'::timestamptz")
    with connect(wire) as connection:
        for _ in range(8):  # psycopg prepares a statement that comes often
            row = connection.execute("SELECT extract(epoch FROM now())::int + %s AS n", (5,)).fetchone()
            assert row["n"] == 5
        assert connection.execute("SELECT extract(epoch FROM now())::int AS n").fetchone()["n"] == 0
    assert rewrite.reached.is_set()
    assert wire.seen.count("SELECT extract(epoch FROM 'epoch'::timestamptz)::int + $1 AS n") == 8


def test_a_cancel_request_is_passed_on(app):
    """Not with psycopg, which would wait for this proxy without letting its threads run."""
    gate = gated_items(app, 20, 10)
    app.ok("es_create", "item")
    gate.close()
    with through_wire(app):
        process = app.start("es_update", "item", "1")
        gate.wait()
        process.signal(signal.SIGINT)
        process.wait(check=130)
    wait_until(lambda: gate.waiting() == 0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_copied_rows_pass_and_their_statement_can_be_held(app, wire, when):
    held = wire.hold("COPY", when)
    with connect(wire) as connection:
        read = []

        def copy():
            with connection.cursor().copy("COPY (SELECT generate_series(1, 300000)) TO STDOUT") as rows:
                read.extend(rows.rows())

        thread = threading.Thread(target=copy, daemon=True)
        thread.start()
        held.wait()
        assert read == []
        held.release()
        thread.join(60)
        assert len(read) == 300_000


def test_esmigrate_works_through_it(app):
    with through_wire(app) as wire:
        filled_items(app, 3000)
        app.sql("UPDATE item SET amount = '7', changed_at = now() WHERE id = 3")
        [item] = app.ok("es_update", "item")
        assert (item["mode"], item["indexed"]) == ("changed", 1)
    assert app.docs("item") == expected_items(app)
    assert any("INSERT INTO esmigrate.index_action" in text for text in wire.seen)
    assert any(text.startswith("COPY ") for text in wire.seen)


def test_esmigrate_whose_history_is_lost_says_so(app):
    declare_items(app, 10)
    app.ok("es_create", "item")
    with through_wire(app) as wire:
        wire.lose("UPDATE esmigrate.index_instance", "before", for_good=True)
        app.fails(5, "es_update", "item", "1")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
