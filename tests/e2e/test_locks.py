"""Locks of section 4 of the design: who waits for whom, and what a refusal leaves."""

import time

import pytest

from faults import declare_items, expected_items, filled_items, gated_items, through_proxy, wait_until

pytestmark = pytest.mark.either

NEXT_INDEX = {"mappings": {"properties": {"title": {"type": "keyword"}}}}


@pytest.fixture
def updating(app):
    """(app, process, gate): item has the filled instance 1 and the empty instance 2; an es_update of 2 is under way."""
    gate = gated_items(app, 10, 5)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    app.ok("es_activate", "item")
    app.declare("item", index=NEXT_INDEX)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "2")
    gate.wait()
    yield app, process, gate
    gate.open()


def statuses(app):
    return [(row["action"], row["instance"], row["status"]) for row in app.history()]


def test_a_second_update_of_an_instance_exits_7_and_leaves_one_failed_row(updating):
    app, process, gate = updating
    before = len(app.history())
    result = app.fails(7, "es_update", "item", "2")
    assert result.seconds < 20
    assert "lock" in result.err and "HINT:" in result.err
    rows = app.history()
    assert len(rows) == before + 1
    row = rows[-1]
    assert (row["action"], row["instance"], row["status"]) == ("update", 2, "failed")
    assert row["finished_at"] is not None and "lock" in row["error"]
    gate.open()
    process.wait(check=0)
    assert [row["status"] for row in app.history()[-2:]] == ["complete", "failed"]
    assert app.docs("item-2") == expected_items(app)


def test_if_busy_skip_exits_0_and_writes_no_row(updating):
    app, process, gate = updating
    before = statuses(app)
    result = app.run("es_update", "item", "2", "--if-busy=skip", check=0)
    assert "skipped" in result.err
    assert statuses(app) == before
    assert app.ok("es_update", "item", "2", "--if-busy=skip") == []


def test_wait_lock_waits_until_the_lock_is_free(updating):
    app, process, gate = updating
    second = app.start("es_update", "item", "2", "--wait-lock")
    time.sleep(1)
    assert second.running
    gate.open()
    process.wait(check=0)
    second.wait(check=0)
    assert statuses(app)[-2:] == [("update", 2, "complete")] * 2


def test_wait_lock_with_seconds_gives_up_after_them(updating):
    app, process, gate = updating
    result = app.fails(7, "es_update", "item", "2", "--wait-lock=1")
    assert 1 <= result.seconds < 20
    assert process.running


def test_a_create_of_the_master_does_not_wait_for_an_update_of_an_instance(updating):
    app, process, gate = updating
    [unchanged] = app.ok("es_create", "item")
    assert (unchanged["result"], unchanged["instance"]) == ("unchanged", 2)
    app.declare("item", index={})
    [created] = app.ok("es_create", "item")
    assert (created["result"], created["instance"]) == ("created", 3)
    assert process.running


def test_an_instance_that_is_updated_is_not_activated_cleared_or_dropped(updating):
    app, process, gate = updating
    app.fails(7, "es_activate", "item", "2", "--force")
    app.fails(7, "es_clear", "item-2", "--yes")
    app.fails(7, "es_drop", "item-2", "--yes")
    assert app.alias("item") == [f"{app.prefix}item-1"]
    gate.open()
    process.wait(check=0)
    app.ok("es_activate", "item", "2")
    assert app.docs("item") == expected_items(app)


def test_other_instances_are_free_while_one_is_updated(updating):
    app, process, gate = updating
    app.ok("es_activate", "item", "1")
    app.ok("es_clear", "item-1", "--yes", "--force")
    app.ok("es_drop", "item-1", "--yes", "--force")
    assert process.running
    gate.open()
    process.wait(check=0)


def test_commands_of_one_master_wait_for_each_other_and_updates_do_not(app):
    filled_items(app, 10)
    app.declare("item", index=NEXT_INDEX)
    with through_proxy(app) as proxy:
        held = proxy.hold("PUT", "item-2", when="before")
        creating = app.start("es_create", "item")
        held.wait()
        app.fails(7, "es_create", "item")
        app.fails(7, "es_activate", "item", "1")
        app.fails(7, "es_drop", "item-1", "--yes", "--force")
        app.ok("es_update", "item")
        app.ok("es_list")
        app.ok("es_history")
        held.release()
        creating.wait(check=0)
    assert [row[2] for row in statuses(app)[-5:]] == ["complete", "failed", "failed", "failed", "complete"]


def test_a_refused_command_of_several_masters_does_the_others_justice(app):
    filled_items(app, 10)
    app.declare("other", index={}, documents="SELECT 1 AS _id, 2 AS two")
    with through_proxy(app) as proxy:
        held = proxy.hold("PUT", "other-1", when="before")
        creating = app.start("es_create", "other")
        held.wait()
        app.fails(7, "es_create", "item", "other")
        held.release()
        creating.wait(check=0)
    rows = app.history()[-3:]
    parent = next(row for row in rows if row["master"] is None)
    parts = {row["master"]: row["status"] for row in rows if row["parent_id"] == parent["id"]}
    assert parts["other"] == "failed"
    assert parent["status"] == "failed"


def test_locks_vanish_with_kill_9(updating):
    app, process, gate = updating
    process.kill()
    gate.open()
    [item] = app.ok("es_update", "item", "2")
    assert item["status"] == "complete"
    assert statuses(app)[-2:] == [("update", 2, "interrupted"), ("update", 2, "complete")]


def test_an_interrupted_action_is_not_taken_for_crashed_while_its_lock_is_held(updating):
    app, process, gate = updating
    app.fails(7, "es_update", "item", "2")
    app.ok("es_update", "item", "1")
    app.ok("es_activate", "item", "1")
    assert wait_until(lambda: ("update", 2, "running") in statuses(app))
    gate.open()
    process.wait(check=0)


MASTER_LOCK, INSTANCE_LOCK, PARENT_LOCK, VERIFY_LOCK = (0x65736D30 + number for number in (1, 2, 3, 5))

# What holds which lock while it lives, and a command that needs the same one.
HOLDERS = [
    *((MASTER_LOCK, action, ["es_create", "item", "--force"])
      for action in ("create", "activate", "rollback", "drop", "prune", "track", "deploy")),
    *((INSTANCE_LOCK, action, ["es_update", "item", "1"]) for action in ("update", "clear", "retry")),
    (VERIFY_LOCK, "verify", ["es_verify", "item-1"]),
    *((PARENT_LOCK, action, None) for action in ("update", "prune", "deploy")),
]


def insert_running(app, lock, action):
    """The row of a run: (its id, what its lock is on)."""
    [row] = app.sql(
        "INSERT INTO esmigrate.index_action (id, master_id, instance_id, action, argv, tool_version, os_user, host, pid)"
        " SELECT gen_random_uuid(), CASE WHEN %(l)s <> %(p)s THEN master_id END,"
        "        CASE WHEN %(l)s <> %(p)s AND %(a)s <> 'track' THEN id END,"
        "        %(a)s, ARRAY['es_' || %(a)s, 'of', 'another'], '0', 'u', 'h', 1"
        " FROM esmigrate.index_instance WHERE number = 1 RETURNING id::text, master_id, hashtext(id::text) AS hash",
        {"l": lock, "p": PARENT_LOCK, "a": action},
    )
    [instance] = app.sql("SELECT id, master_id FROM esmigrate.index_instance WHERE number = 1")
    objects = {MASTER_LOCK: instance["master_id"], PARENT_LOCK: row["hash"]}
    return row["id"], objects.get(lock, instance["id"])


def test_of_every_kind_of_action_the_holder_is_named_and_a_crashed_one_is_settled(app):
    filled_items(app, 10)
    app.ok("es_activate", "item")
    wrong = []
    for lock, action, command in HOLDERS:
        identity, thing = insert_running(app, lock, action)
        other = app.connect()
        other.execute("SELECT pg_advisory_lock(%s::integer, %s::integer)", (lock, thing))
        seen = [[row["alive"] for row in app.ok("es_history", "--running")]]
        busy = app.fails(7, *command).err if command else f'"es_{action} of another"'
        if lock == PARENT_LOCK:
            app.ok("es_update", "item")
        seen.append([row["status"] for row in app.history() if str(row["id"]) == identity])
        other.close()
        assert wait_until(lambda: [row["alive"] for row in app.ok("es_history", "--running")] == [False]), action
        app.ok(*(command or ["es_update", "item"]))
        seen.append([row["status"] for row in app.history() if str(row["id"]) == identity])
        if seen != [[True], ["running"], ["interrupted"]] or f'"es_{action} of another"' not in busy:
            wrong.append((hex(lock), action, seen, busy))
    assert wrong == []


@pytest.mark.parametrize("command", [["es_update", "item"], ["es_drop", "item-1", "--yes", "--force"]])
def test_a_crashed_verification_is_settled_by_a_command_that_does_not_verify(app, command):
    """After a drop nothing ever verifies that instance again."""
    filled_items(app, 10)
    app.ok("es_activate", "item")
    identity, thing = insert_running(app, VERIFY_LOCK, "verify")
    other = app.connect()
    other.execute("SELECT pg_advisory_lock(%s::integer, %s::integer)", (VERIFY_LOCK, thing))
    app.ok("es_update", "item")
    assert statuses(app)[-2:] == [("verify", 1, "running"), ("update", 1, "complete")]
    other.close()
    wait_until(lambda: not app.ok("es_history", "--running")[0]["alive"])
    app.ok(*command)
    [row] = [row for row in app.history() if str(row["id"]) == identity]
    assert (row["status"], row["error"]) == ("interrupted", "the run ended without saying how")


def test_locks_are_of_one_history(make_app):
    one, other = make_app(), make_app()
    gate = gated_items(one, 10, 5)
    declare_items(other, 10)
    for app in one, other:
        app.ok("es_create", "item")
    gate.close()
    process = one.start("es_update", "item", "1")
    gate.wait()
    other.ok("es_update", "item", "1")
    gate.open()
    process.wait(check=0)
