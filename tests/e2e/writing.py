"""An application that writes to its table all the time: sessions that wait between a stamp and its commit."""

import contextlib
import random
import threading
import time

import psycopg

WRITERS = 4
DOCUMENTS = "SELECT id AS _id, changed_at AS _changed_at, title, amount FROM item"
CHANGED = "SELECT id AS _id FROM item WHERE changed_at >= $1 UNION ALL SELECT id FROM gone WHERE at >= $1"
UPDATE = ("UPDATE item SET title = to_json(%(text)s::text), changed_at = now() WHERE id = %(id)s",)
INSERT = (
    "INSERT INTO item VALUES (%(id)s, to_json(%(text)s::text), '1', now())"
    " ON CONFLICT (id) DO UPDATE SET title = excluded.title, changed_at = now()",
)
DELETE = ("DELETE FROM item WHERE id = %(id)s", "INSERT INTO gone VALUES (%(id)s, now())")


def make_items(app, rows):
    app.sql("CREATE TABLE item (id bigint PRIMARY KEY, title json, amount text, changed_at timestamptz NOT NULL)")
    app.sql("CREATE INDEX ON item (changed_at)")
    app.sql("CREATE TABLE gone (id bigint, at timestamptz NOT NULL)")
    app.sql("CREATE INDEX ON gone (at)")
    app.sql(
        "INSERT INTO item SELECT n, to_json('Item ' || n), n::text, now() - interval '1 hour'"
        " FROM generate_series(1, %s) n",
        (rows,),
    )
    app.sql("ANALYZE item")


class Writers:
    """Sessions that change rows, and wait between a stamp and its commit. A context; .paused() is one, too."""

    def __init__(self, app, rows, seed):
        self.app, self.rows = app, rows
        self._ended, self._going = threading.Event(), threading.Event()
        self._going.set()
        self._turns = [threading.Lock() for _ in range(WRITERS)]
        self._threads = [
            threading.Thread(target=self._write, args=(random.Random(seed + number), self._turns[number]), daemon=True)
            for number in range(WRITERS)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._going.set()
        for thread in self._threads:
            thread.join(30)

    @contextlib.contextmanager
    def paused(self):
        self._going.clear()
        with contextlib.ExitStack() as stack:
            for turn in self._turns:
                stack.enter_context(turn)
            yield
        self._going.set()

    def _write(self, chance, turn):
        connection = None
        while not self._ended.is_set():
            self._going.wait()
            with turn, contextlib.suppress(psycopg.OperationalError):  # a server that the test has killed
                if connection is None or connection.closed:
                    connection = self.app.connect()
                self._one(connection, chance)
            time.sleep(chance.uniform(0, 0.02))
        if connection is not None:
            connection.close()

    def _one(self, connection, chance):
        statements = chance.choice([UPDATE, UPDATE, UPDATE, INSERT, DELETE])
        values = {"id": chance.randrange(1, self.rows * 11 // 10), "text": f"Item {chance.random()}"}
        with connection.transaction():
            for statement in statements:
                connection.execute(statement, values)
            time.sleep(chance.uniform(0, 0.05))
