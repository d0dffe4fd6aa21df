"""The promise of rule R1 under load: whatever some twenty sessions do to the source while es_update runs in a loop,
after the last update every document is what the source says.
"""

import contextlib
import random
import threading
import time

import pytest

import soak
from faults import wait_until
from test_grace import drop_role, unprivileged
from test_horizon import changed_through, now
from wire import through_wire

SECONDS = [6, pytest.param(60, marks=pytest.mark.soak)]
# Up to three runs, and the updates until all is read.
pytestmark = pytest.mark.timeout(600)
WRITERS = 24
ROWS = 2000

DOCUMENTS = "SELECT id AS _id, changed_at AS _changed_at, hidden AS _deleted, title, amount FROM item"
CHANGED = """
SELECT id AS _id FROM item WHERE changed_at >= $1
UNION SELECT item_id FROM deleted_item WHERE deleted_at >= $1
"""
INDEX = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0},
    "mappings": {"dynamic": "strict", "properties": {"title": {"type": "keyword"}, "amount": {"type": "integer"}}},
}


def declared(app):
    """Items that are inserted, updated, hidden (_deleted) and deleted (a tombstone), and their filled instance."""
    app.sql(
        "CREATE TABLE item (id bigint PRIMARY KEY, title text NOT NULL, amount int NOT NULL,"
        " hidden boolean NOT NULL DEFAULT false, changed_at timestamptz NOT NULL DEFAULT now())"
    )
    app.sql("CREATE INDEX ON item (changed_at)")
    app.sql("CREATE TABLE deleted_item (item_id bigint, deleted_at timestamptz NOT NULL DEFAULT now())")
    app.sql(
        "INSERT INTO item SELECT n, 'Item ' || n, 0, false, now() - interval '1 hour'"
        " FROM generate_series(1, %s) n",
        (ROWS,),
    )
    # Next to no overlap, so that a lost row cannot hide behind it: as much as a backend may need from reading its clock
    # until others see that, when all cores are busy.
    app.declare("item", index=INDEX, documents=DOCUMENTS, changed=CHANGED, master={"overlap": "100 milliseconds"})
    app.ok("es_init")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    app.ok("es_activate", "item")


class Writer(threading.Thread):
    """One session, which has rows of its own: writers do not wait for each other."""

    def __init__(self, app, number, stop):
        super().__init__(daemon=True)
        self.app, self.number, self.stop = app, number, stop
        self.random = random.Random(number)
        self.changes = 0
        self.error = None

    def run(self):
        try:
            with contextlib.closing(self.app.connect(application_name=f"writer_{self.number}")) as connection:
                self.write(connection)
        except Exception as error:
            self.error = error

    def write(self, connection):
        ways = [self.transaction, self.simple_query, self.implicit, self.chain, self.rolled_back, self.single]
        while not self.stop.is_set():
            self.random.choice(ways)(connection)
            time.sleep(self.random.random() * 1.2)

    # ---- what a session sends

    def transaction(self, connection):
        connection.execute("BEGIN")
        connection.execute(self.change())
        time.sleep(self.pause())
        connection.execute(self.change())
        connection.execute("COMMIT")

    def simple_query(self, connection):
        """The second transaction stamps its rows with the arrival of the message."""
        one, two = self.change(), self.change()
        connection.execute(
            f"BEGIN; {one}; SELECT pg_sleep({self.pause()}); COMMIT;"
            f" BEGIN; {two}; SELECT pg_sleep({self.pause()}); COMMIT"
        )

    def implicit(self, connection):
        connection.execute(f"{self.change()}; SELECT pg_sleep({self.pause()}); {self.change()}")

    def chain(self, connection):
        connection.execute("BEGIN")
        connection.execute(self.change())
        connection.execute(f"SELECT pg_sleep({self.pause()}); COMMIT AND CHAIN; {self.change()}")
        time.sleep(self.pause())
        connection.execute(self.change())
        connection.execute("COMMIT")

    def rolled_back(self, connection):
        connection.execute("BEGIN")
        connection.execute(self.change())
        connection.execute("ROLLBACK")

    def single(self, connection):
        connection.execute(self.change())

    # ---- what it changes

    def pause(self):
        """Seconds between stamp and commit."""
        return round(self.random.random() ** 2 * 0.8, 3)

    def change(self):
        self.changes += 1
        key = self.random.randrange(ROWS // WRITERS * 2) * WRITERS + self.number
        title = f"{self.number}.{self.changes}"
        return self.random.choice([
            f"INSERT INTO item (id, title, amount) VALUES ({key}, '{title}', 1) ON CONFLICT (id) DO UPDATE"
            f" SET title = excluded.title, hidden = false, changed_at = now()",
            f"UPDATE item SET title = '{title}', amount = amount + 1, changed_at = now() WHERE id = {key}",
            f"UPDATE item SET title = '{title}', amount = amount + 1, changed_at = now()"
            f" WHERE id % {WRITERS} = {self.number} AND id % 7 = {key} % 7",
            f"UPDATE item SET hidden = NOT hidden, changed_at = now() WHERE id = {key}",
            f"WITH gone AS (DELETE FROM item WHERE id = {key} RETURNING id)"
            f" INSERT INTO deleted_item SELECT id FROM gone",
        ])


def hold_prepared(app, writer, seconds):
    """A transaction of the writer's rows that is prepared for half of the time."""
    gid = f"half_{app.database}"
    time.sleep(seconds / 4)
    with contextlib.closing(app.connect()) as connection:
        connection.execute("BEGIN")
        for _ in range(20):
            connection.execute(writer.change())
        time.sleep(0.5)
        connection.execute(f"PREPARE TRANSACTION '{gid}'")
    time.sleep(seconds / 2)
    with contextlib.closing(app.connect()) as connection:
        connection.execute(f"COMMIT PREPARED '{gid}'")


def write_while_updating(app, seconds):
    """(changes made, updates done, how often changed_through moved)"""
    stop, began = threading.Event(), time.monotonic()
    writers = [Writer(app, number, stop) for number in range(WRITERS)]
    # The last one's rows are those of the prepared transaction alone.
    prepared = threading.Thread(target=hold_prepared, args=(app, writers.pop(), seconds), daemon=True)
    for thread in [*writers, prepared]:
        thread.start()
    marks = []
    # On a busy machine they write for longer, until changed_through has moved on under them.
    while time.monotonic() < began + seconds or (len(set(marks)) < 3 and time.monotonic() < began + 60 + seconds):
        app.run("es_update", "item", check=0)
        marks.append(changed_through(app))
    stop.set()
    for thread in [*writers, prepared]:
        thread.join()
    for writer in writers:
        if writer.error:
            raise writer.error
    return sum(writer.changes for writer in writers), len(marks), len(set(marks))


def differences(app):
    """(missing, stale, left over): ids of documents that are not what the source says."""
    rows = app.sql("SELECT id, title, amount FROM item WHERE NOT hidden")
    expected = {str(row["id"]): {"title": row["title"], "amount": row["amount"]} for row in rows}
    found = app.docs("item")
    missing = expected.keys() - found.keys()
    stale = {key for key in expected.keys() & found.keys() if expected[key] != found[key]}
    return missing, stale, found.keys() - expected.keys()


def catch_up(app):
    """Updates until one has read everything that was written."""
    ended = now(app)

    def is_through():
        app.run("es_update", "item", check=0)
        return changed_through(app) > ended

    wait_until(is_through)


def write(app, seconds, what):
    changes, updates, moved = write_while_updating(app, seconds)
    catch_up(app)
    missing, stale, left = differences(app)
    documents = len(app.docs("item"))
    soak.note(f"a change while es_update runs in a loop, {what}", f"{app.engine_server.family}: {WRITERS} sessions",
              changes, len(missing | stale | left))
    print(
        f"{WRITERS} sessions, {seconds} s, {changes} changing statements, {updates} updates, changed_through moved"
        f" {moved} times, {documents} documents: {len(missing)} missing, {len(stale)} stale, {len(left)} left over"
    )
    return missing, stale, left, moved


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_role_that_sees_all_sessions_loses_nothing(app, seconds):
    declared(app)
    missing, stale, left, moved = write(app, seconds, "all sessions seen")
    assert not (missing or stale or left)
    assert moved > 1


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_role_that_sees_only_its_own_sessions_loses_nothing(app, seconds):
    role = unprivileged(app)
    try:
        declared(app)
        missing, stale, left, moved = write(app, seconds, "only its own seen")
        assert not (missing or stale or left)
        assert moved > 1
    finally:
        drop_role(app, role)


@contextlib.contextmanager
def naive_horizon(app):
    """The horizon as polling would have it: now(), whoever still writes."""
    app.env["ESMIGRATE_SOURCE"] = app.conninfo
    with through_wire(app, "ESMIGRATE_SOURCE") as wire:
        careful = wire.rewrite(r"least\(clock\.taken_at, \(SELECT min\(since\) FROM running\)\)", "clock.taken_at")
        wire.rewrite(r"(pg_prepared_xacts.*?)WHERE", r"\1WHERE false AND")
        yield
        assert careful.reached.is_set()


@pytest.mark.parametrize("seconds", SECONDS)
def test_the_same_with_a_naive_horizon_loses_documents(app, seconds):
    """What the tests above are worth: they see what gets lost."""
    declared(app)
    with naive_horizon(app):
        for _ in range(3):
            missing, stale, left, _ = write(app, seconds, "naive horizon, which has to lose")
            if missing or stale or left:
                return
    raise AssertionError("nothing was lost")
