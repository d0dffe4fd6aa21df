"""Rule R5: killed at random moments, while others write to the source, esmigrate loses nothing.

Rounds: a full load of a new instance, a full update of a filled one, or an update of what changed is killed once or
more, at a moment left to chance, and then run to its end by the same command. Writers change rows all the time. At the
end of a round they pause, a last update runs, and every document is compared with its row.
"""

import contextlib
import itertools
import time

import psycopg
import pytest

import soak
from faults import expected_items, instance, wait_until
from writing import CHANGED, DOCUMENTS, Writers, make_items

ROWS = 10_000
RANGES = 20
KILLS = 10
INDEX = {"settings": {"number_of_shards": 2, "number_of_replicas": 1, "refresh_interval": "7s"}}
MASTER = {"range_documents": ROWS // RANGES, "overlap": "1 second"}


def declare(app):
    make_items(app, ROWS)
    app.declare("item", index=INDEX, documents=DOCUMENTS, changed=CHANGED, master=MASTER)
    app.ok("es_init")


class Rounds:
    def __init__(self, app, chance, writers):
        self.app, self.chance, self.writers = app, chance, writers
        self.number = 0
        self.seconds = {}  # how long each kind of run took when it was let alone
        self.killed = 0
        self.kinds = itertools.cycle(["full update", "first load", "changed update"])
        self.begin("first load")
        self.complete("first load")

    def begin(self, kind):
        """A first load has an instance of its own; the one before goes."""
        if kind == "first load":
            self.app.ok("es_create", "item", "--force", "--wait-lock=30")
            self.number += 1
            if self.number > 1:
                self.app.ok("es_drop", f"item-{self.number - 1}", "--yes", "--wait-lock=30")

    def command(self, kind):
        return ["es_update", f"item-{self.number}", "--wait-lock=30", *(["--full"] if kind == "full update" else [])]

    def complete(self, kind):
        result = self.app.run(*self.command(kind), check=0)
        self.seconds.setdefault(kind, result.seconds)

    def kill_some(self, most, kind):
        """Kills it up to so many times; what it was at each time."""
        seconds = self.seconds.get(kind, 1)
        at = []
        for _ in range(self.chance.randint(1, min(3, most))):
            process = self.app.start(*self.command(kind))
            time.sleep(self.chance.uniform(0, 1.1 * seconds))
            if not process.running:
                process.wait(check=0)
                break
            process.kill()
            at.append(f"{kind}, {self.stage()}")
        return at

    def stage(self):
        """How far the run that was killed had come, by what it left."""
        rows = self.app.sql(
            """
            SELECT count(r.number) AS ranges, count(r.finished_at) AS finished
            FROM esmigrate.index_action a
            LEFT JOIN esmigrate.full_load l ON l.instance_id = a.instance_id AND l.outcome IS NULL
            LEFT JOIN esmigrate.load_range r ON r.load_id = l.id
            WHERE a.status = 'running' AND a.action = 'update'
            GROUP BY a.id
            """
        )
        if not rows:
            return "no row yet or no more"
        ranges, finished = rows[0]["ranges"], rows[0]["finished"]
        if not ranges:
            return "running"
        return "reading ranges" if finished < ranges else "sweep and mark"

    def round(self, most):
        kind = next(self.kinds)
        self.begin(kind)
        at = self.kill_some(most, kind)
        self.killed += len(at)
        self.complete(kind)
        lost = self.compare()
        for stage in at:
            soak.note("kill -9", f"{self.app.engine_server.family}: {stage}", lost=lost if stage == at[-1] else 0)
        assert lost == 0, f"{lost} documents are wrong after a {kind} that was killed while {at}"

    def compare(self):
        """How many documents are wrong after an update of what changed."""
        with self.writers.paused():
            return self.compare_at_rest()

    def compare_at_rest(self):
        self.app.run(*self.command("changed update"), check=0)
        return soak.differences(self.app.docs(f"item-{self.number}"), expected_items(self.app))

    def finish(self):
        """A full update finds nothing to mend; no run is left open, and no setting of a load."""
        with self.writers.paused():
            assert self.compare_at_rest() == 0
            [item] = self.app.ok("es_update", f"item-{self.number}", "--full", "--wait-lock=30")
            assert item["deleted"] == 0
            assert self.app.docs(f"item-{self.number}") == expected_items(self.app)
        assert self.app.sql("SELECT id FROM esmigrate.index_action WHERE status = 'running'") == []
        assert instance(self.app, self.number)["settings_to_restore"] is None
        name = self.app.full_name(f"item-{self.number}")
        found = self.app.engine_server.must("GET", f"{name}/_settings?flat_settings=true")[name]["settings"]
        assert (found["index.refresh_interval"], found["index.number_of_replicas"]) == ("7s", "1")


def kill_at_random(app, kills, seconds):
    chance = soak.seeded()
    declare(app)
    with Writers(app, ROWS, chance.randrange(1_000_000)) as writers:
        rounds = Rounds(app, chance, writers)
        until = time.monotonic() + seconds
        while rounds.killed < kills and time.monotonic() < until:
            rounds.round(kills - rounds.killed)
        rounds.finish()


def test_killed_at_random_moments_nothing_is_lost(app):
    kill_at_random(app, KILLS, 30)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_killed_at_many_random_moments_nothing_is_lost(app):
    kill_at_random(app, soak.KILLS, soak.SECONDS)


# ---- the servers


def kill_server(app, server, name):
    """It is killed and started again in the middle of first loads, whose settings of the bulk load are on."""
    chance = soak.seeded()
    declare(app)
    with Writers(app, ROWS, chance.randrange(1_000_000)) as writers:
        rounds = Rounds(app, chance, writers)
        for _ in range(max(1, soak.KILLS // 20)):
            rounds.begin("first load")
            process = app.start(*rounds.command("first load"))
            time.sleep(chance.uniform(0, rounds.seconds["first load"]))
            server.kill()
            server.start()
            process.wait()
            reconnect(app)
            rounds.complete("first load")
            lost = rounds.compare()
            soak.note(f"{name} killed and restarted", f"{app.engine_server.family}: first load", lost=lost)
            assert lost == 0
        rounds.finish()


def reconnect(app):
    def works():
        with contextlib.suppress(psycopg.OperationalError):
            return app.sql("SELECT 1")

    wait_until(works)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_engine_is_killed_and_restarted_again_and_again(private_engine, make_app):
    app = make_app(engine=private_engine())
    kill_server(app, app.engine_server, "engine")


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_postgres_is_killed_and_restarted_again_and_again(private_postgres, make_app):
    app = make_app(postgres=private_postgres("--durable"))
    kill_server(app, app.postgres, "PostgreSQL")
