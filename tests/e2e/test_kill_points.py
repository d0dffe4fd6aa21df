"""Rules R5, R7 and R11: kill -9 before and after every write to the history, every call of the engine, every hook.

An undisturbed run of a command shows what its steps are. Then, for each of them, a fresh master, the command killed
there, and the same command again: all must be as after the undisturbed run. Which steps an ordinary test run tries
is left to chance; `make soak` tries all.
"""

import collections
import contextlib
import re

import pytest

import soak
from faults import expected_items, through_proxy, wait_until
from servers import ROOT
from wire import through_wire
from writing import CHANGED

SAMPLE = 2

INDEX = {"settings": {"number_of_shards": 1, "number_of_replicas": 1, "refresh_interval": "7s"}}
DOCUMENTS = "SELECT id AS _id, changed_at AS _changed_at, title, amount FROM item"


def hook(name):
    """Writes down its name in a file of its master's; a file hold-WHEN-NAME stops it before or after that."""
    wait = "while [ -e hold-{when}-{name} ]; do touch at-{when}-{name}; sleep 0.02; done"
    write = "echo {name} >> $ESMIGRATE_MASTER.hooks"
    return "; ".join([wait.format(when="before", name=name), write.format(name=name),
                      wait.format(when="after", name=name)])


HOOKS = {"stop_indexing": "stop", "resume_indexing": "resume"}
MASTER = {"range_documents": 5, "overlap": "0 seconds", **{key: hook(name) for key, name in HOOKS.items()}}

# By the text that is sent: the statements of the history that write, and the ends of transactions.
WRITES = {
    path.read_text().strip(): path.stem
    for path in (ROOT / "sql" / "history").glob("*.sql")
    if re.search(r"\b(INSERT|UPDATE|DELETE)\b", path.read_text().partition("\n")[2])
} | {"COMMIT": "commit"}

Step = collections.namedtuple("Step", "kind what nth")


# ---- the commands, and what is there before each


def declare(app, master):
    app.declare(master, index=INDEX, documents=DOCUMENTS, changed=CHANGED, master=MASTER)


def created(app, master):
    declare(app, master)
    app.ok("es_create", master)


def filled(app, master):
    created(app, master)
    app.ok("es_update", master, "1")


def changed(app, master):
    app.sql("INSERT INTO item VALUES (99, to_json('Gone soon'::text), '99', now())")
    filled(app, master)
    app.sql("UPDATE item SET title = to_json(%s::text), changed_at = now() WHERE id = 3", (master,))
    app.sql("INSERT INTO item VALUES (100, to_json('New'::text), '100', now()) ON CONFLICT DO NOTHING")
    app.sql("WITH d AS (DELETE FROM item WHERE id = 99 RETURNING id) INSERT INTO gone SELECT id FROM d")


def less(app, master):
    """A row is gone that only a full update can miss."""
    app.sql("INSERT INTO item VALUES (98, to_json('Gone soon'::text), '98', now())")
    filled(app, master)
    app.sql("DELETE FROM item WHERE id = 98")


def rename(app, master, number):
    app.sql("UPDATE item SET title = to_json(%s::text), changed_at = now() WHERE id = %s", (master, number))


def active(app, master):
    filled(app, master)
    app.ok("es_activate", master, "--no-verify")


def two(app, master):
    active(app, master)
    app.ok("es_create", master, "--force")
    app.ok("es_update", master, "2")


def switched(app, master):
    """The first is active, and the second is not up to date."""
    two(app, master)
    rename(app, master, 5)
    app.ok("es_update", master)


def left(app, master):
    """The second is active, and the first is not up to date."""
    two(app, master)
    app.ok("es_activate", master, "--no-verify")
    rename(app, master, 5)
    app.ok("es_update", master)


def redeclared(app, master):
    """Another declaration than that of the active one."""
    active(app, master)
    app.declare(master, documents=DOCUMENTS + " WHERE true")


def damaged(app, master):
    """A document is missing, one is wrong, and one is too many."""
    active(app, master)
    index = app.full_name(f"{master}-1")
    app.engine_server.must("DELETE", f"{index}/_doc/3")
    app.engine_server.must("PUT", f"{index}/_doc/4711", {"title": "By hand"})
    app.engine_server.must("PUT", f"{index}/_doc/5?refresh=true", {"title": "By hand"})


def retired(app, master):
    """The first was replaced, and two updates changed nothing."""
    two(app, master)
    app.ok("es_activate", master, "--no-verify")
    for _ in range(2):
        app.ok("es_update", master)


def altered(app, master):
    """Declared with one more field and another setting, which its instance can be given."""
    filled(app, master)
    settings = {**INDEX["settings"], "refresh_interval": "9s"}
    app.declare(master, index={"settings": settings, "mappings": {"properties": {"level": {"type": "integer"}}}})


def missing(app, master):
    filled(app, master)
    app.engine_server.must("DELETE", app.full_name(f"{master}-1"))


# Stands for what is random in the name of a scratch index.
SCRATCH = "SCRATCH"

COMMANDS = {
    "create": (declare, ["es_create", "{}"]),
    "first update": (created, ["es_update", "{}", "1"]),
    "changed update": (changed, ["es_update", "{}", "1"]),
    "full update": (less, ["es_update", "{}", "1", "--full"]),
    "activate": (switched, ["es_activate", "{}"]),
    "rollback": (left, ["es_rollback", "{}"]),
    "deploy": (redeclared, ["es_deploy", "{}"]),
    "verify repair": (damaged, ["es_verify", "{}", "--repair"]),
    "prune": (retired, ["es_prune", "{}", "--older-than", "0", "--yes"]),
    "clear": (filled, ["es_clear", "{}-1", "--yes"]),
    "drop": (filled, ["es_drop", "{}-1", "--yes"]),
    "create in-place": (altered, ["es_create", "{}", "--in-place"]),
    "create engine-only": (missing, ["es_create", "{}", "--engine-only"]),
}

# What the same again would undo: it is not repeated once its row is complete.
UNDOES_ITSELF = ["rollback"]


def arguments(command, master):
    return [word.format(master) for word in command] + ["--wait-lock=30"]


# ---- what is there afterwards


def engine_side(app, master):
    """Of each index: its documents, the settings that a load takes off, and how many write aliases it has."""
    found = {}
    for index in (name for name in app.indices() if re.fullmatch(f"{app.prefix}{master}-\\d+", name)):
        answer = app.engine_server.must("GET", f"{index}?flat_settings=true")[index]
        number = index.rpartition("-")[2]
        found[number] = (
            app.docs(index),
            answer["settings"].get("index.refresh_interval"),
            answer["settings"]["index.number_of_replicas"],
            sum(".W" in alias for alias in answer["aliases"]),
        )
    return found


def outcome(app, master):
    instances = app.sql(
        """
        SELECT i.number, i.state, i.changed_through IS NOT NULL AS marked, i.id = m.active_instance_id AS active,
               i.index_uuid IS NOT NULL AS made, i.settings_to_restore, i.pending_action_id
        FROM esmigrate.index_instance i JOIN esmigrate.index_master m ON m.id = i.master_id
        WHERE m.name = %s ORDER BY i.number
        """,
        (master,),
    )
    unsettled = app.sql(
        "SELECT 'action' AS what, id::text FROM esmigrate.index_action WHERE status = 'running'"
        " UNION ALL SELECT 'load', id::text FROM esmigrate.full_load WHERE outcome IS NULL"
        " UNION ALL SELECT 'rejected', doc_id FROM esmigrate.rejected_document"
    )
    alias = [name.removeprefix(f"{app.prefix}{master}") for name in app.alias(master)]
    return {
        "instances": instances,
        "engine": engine_side(app, master),
        "alias": alias,
        "indexing": hooks_called(app, master)[-1:],
        "unsettled": unsettled,
    }


def hooks_called(app, master):
    """In order; the last tells whether indexing stands still."""
    log = app.folder / f"{master}.hooks"
    return log.read_text().split() if log.exists() else []


# ---- a command and its steps


class HeldHook:
    """A hook that is stopped before or after its work, as Proxy.hold() does with a request."""

    def __init__(self, app, name, when):
        self.hold, self.at = (app.folder / f"{verb}-{when}-{name}" for verb in ("hold", "at"))
        self.at.unlink(missing_ok=True)
        self.hold.touch()

    def is_reached(self):
        return self.at.exists()

    def release(self):
        self.hold.unlink()


class Course:
    """One command on masters of one application, each used once."""

    def __init__(self, app, name):
        self.app = app
        self.name = name
        self.prepare, self.command = COMMANDS[name]
        self.masters = self.missed = 0
        app.sql("CREATE TABLE item (id bigint PRIMARY KEY, title json, amount text, changed_at timestamptz NOT NULL)")
        app.sql("CREATE TABLE gone (id bigint, at timestamptz DEFAULT now())")
        app.sql(
            "INSERT INTO item SELECT n, to_json('Item ' || n), n::text, now() - interval '1 hour'"
            " FROM generate_series(1, 12) n"
        )
        app.sql("ANALYZE item")
        app.ok("es_init")
        self.undisturbed()

    def undisturbed(self):
        """Runs it once: its .steps, the .outcome, and what it exits with when there is nothing left to do."""
        master = self.master()
        before = len(hooks_called(self.app, master))
        with through_proxy(self.app) as proxy, through_wire(self.app) as wire:
            self.app.run(*arguments(self.command, master), check=0)
        self.steps = list(steps_of(wire.seen, proxy.seen, self.app.full_name(master)))
        self.steps += [Step("hook", name, 1) for name in hooks_called(self.app, master)[before:]]
        self.outcome = outcome(self.app, master)
        assert self.outcome["unsettled"] == []
        for documents, *_ in self.outcome["engine"].values():
            assert documents in ({}, expected_items(self.app))
        self.again = self.app.run(*arguments(self.command, master)).code

    def master(self):
        self.masters += 1
        master = f"m{self.masters}"
        self.prepare(self.app, master)
        return master

    def held(self, step, when, master, proxy, wire):
        """Makes it wait there: whether it does."""
        if step.kind == "statement":
            return wire.hold(f"^{re.escape(step.what)}\\s*$", when, step.nth).reached.is_set
        method, _, path = step.what.partition(" ")
        path = re.escape(path.replace("{}", self.app.full_name(master))).replace(SCRATCH, r"\.[0-9a-f]{8}")
        return proxy.hold(method, f"^{path}$", when, step.nth).reached.is_set

    def kill(self, step, when):
        """Killed there and run again: what is wrong then, or None."""
        master = self.master()
        with through_proxy(self.app) as proxy, through_wire(self.app) as wire:
            if step.kind == "hook":
                self.kill_in_hook(HeldHook(self.app, step.what, when), step.what, master)
            else:
                self.run_and_kill(self.held(step, when, master, proxy, wire), master)
        return self.repeat(master)

    def run_and_kill(self, is_reached, master):
        process = self.app.start(*arguments(self.command, master))
        wait_until(lambda: is_reached() or not process.running)
        if is_reached():
            process.kill()
        else:
            self.missed += 1
            process.wait(check=0)

    def kill_in_hook(self, held, name, master):
        """What stops indexing ends with the run; what resumes it comes to its own end."""
        try:
            self.run_and_kill(held.is_reached, master)
        finally:
            held.release()
        if name == "resume":
            wait_until(lambda: hooks_called(self.app, master)[-1:] == [name])

    def is_done(self, master):
        """Killed when nothing was left to do but to say so."""
        rows = self.app.sql(
            "SELECT a.status FROM esmigrate.index_action a JOIN esmigrate.index_master m ON m.id = a.master_id"
            " WHERE m.name = %s AND a.action = %s",
            (master, self.name),
        )
        return self.name in UNDOES_ITSELF and [row["status"] for row in rows] == ["complete"]

    def repeat(self, master):
        # es_list is harmless, and says as little.
        result = self.app.run(*(["es_list", master] if self.is_done(master) else arguments(self.command, master)))
        if result.code not in (0, self.again):
            return f"the same command again failed\n{result}"
        found = outcome(self.app, master)
        for number in found["engine"]:  # some hundred indexes would make the engine slow
            self.app.engine_server.must("DELETE", self.app.full_name(f"{master}-{number}"))
        wrong = [f"{key} is {found[key]}, not {self.outcome[key]}" for key in found
                 if not self.alike(key, found[key])]
        return "\n".join([*wrong, repr(result)]) if wrong else None

    def alike(self, key, found):
        expected = self.outcome[key]
        if key != "engine":
            return found == expected
        # The rows change from master to master: an index that was full is as full as the table is now.
        rows = expected_items(self.app)
        return found == {number: (rows if state[0] else {}, *state[1:]) for number, state in expected.items()}


def steps_of(statements, requests, index):
    times = collections.Counter()
    for text in statements:
        times[text] += 1
        if text.strip() in WRITES:
            yield Step("statement", text.strip(), times[text])
    for method, path in requests:
        what = f"{method} {re.sub('-scratch[.][0-9a-f]{8}', '-scratch' + SCRATCH, path.replace(index, '{}'))}"
        times[what] += 1
        yield Step("request", what, times[what])


def name_of(step, when):
    return f"{when} {WRITES.get(step.what, step.what)}" + (f" ({step.nth})" if step.nth > 1 else "")


def kill_at(app, name, choose):
    course = Course(app, name)
    assert len(course.steps) >= 4
    wrong = []
    for step, when in choose([(step, when) for step in course.steps for when in ("before", "after")]):
        missed = course.missed
        problem = course.kill(step, when)
        if course.missed == missed:
            soak.note("kill -9 at a step", f"{app.engine_server.family}: {name}", lost=problem is not None)
        if problem:
            wrong.append(f"{name}, killed {name_of(step, when)}:\n{problem}")
            with contextlib.suppress(Exception):
                app.ok("es_update", f"m{course.masters}", "1", "--full")
    assert not wrong, "\n\n".join(wrong)
    # How many requests are made of the same documents is the timing's business, too; but of few steps.
    assert course.missed <= len(course.steps) // 5


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_a_step_the_same_command_again_ends_as_if_nothing_had_happened(app, name):
    chance = soak.seeded()
    kill_at(app, name, lambda steps: chance.sample(steps, SAMPLE))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_every_step_the_same_command_again_ends_as_if_nothing_had_happened(app, name):
    kill_at(app, name, list)
