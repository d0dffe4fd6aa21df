"""Rules R5 and R7: killed at any moment, the same command again ends as if nothing had happened."""

import contextlib
import signal

import psycopg
import pytest

from faults import (
    declare_items, expected_items, filled_items, gated_items, instance, switch_call, through_proxy, wait_until,
)

NEXT_INDEX = {"mappings": {"properties": {"title": {"type": "text"}, "amount": {"type": "keyword"}}}}
WHEN = pytest.mark.parametrize("when", ["before", "after"])
ROWS = 20_000
MIDDLE = 16_000  # behind more than one request of five megabytes


def statuses(app, action=None):
    return [(row["action"], row["status"]) for row in app.history() if action in (None, row["action"])]


def interrupted_row(app, action):
    [row] = [row for row in app.history() if row["status"] == "interrupted"]
    assert row["action"] == action
    assert row["finished_at"] is not None and row["error"]
    return row


def killed_at(app, method, pattern, when, *command, nth=1):
    """Runs the command and kills it while its request is held before or after the engine sees it."""
    with through_proxy(app) as proxy:
        held = proxy.hold(method, pattern, when, nth)
        process = app.start(*command)
        held.wait()
        process.kill()


def active(app):
    return [row["number"] for row in app.sql(
        "SELECT i.number FROM esmigrate.index_master m JOIN esmigrate.index_instance i ON i.id = m.active_instance_id")]


# ---- create


@WHEN
def test_a_create_killed_at_the_engine_call_is_settled_and_the_same_command_ends_right(app, when):
    declare_items(app, 10)
    killed_at(app, "PUT", "item-1", when, "es_create", "item")
    assert statuses(app) == [("create", "running")]
    [item] = app.ok("es_create", "item")
    assert item["result"] == {"before": "created", "after": "unchanged"}[when]
    assert (item["instance"], app.indices()) == (1, [f"{app.prefix}item-1"])
    assert "item-1" in interrupted_row(app, "create")["error"]
    assert statuses(app)[1:] == [("create", "complete")]
    assert instance(app)["pending_action_id"] is None
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_a_create_killed_before_the_engine_call_does_not_use_up_the_number(app):
    declare_items(app, 10)
    killed_at(app, "PUT", "item-1", "before", "es_create", "item")
    app.declare("item", index=NEXT_INDEX)
    [item] = app.ok("es_create", "item")
    assert (item["result"], item["instance"]) == ("created", 1)
    assert len(app.sql("SELECT id FROM esmigrate.index_instance")) == 1


def test_a_create_whose_answer_is_lost_recognises_its_index(app):
    declare_items(app, 10)
    with through_proxy(app) as proxy:
        proxy.lose("PUT", "item-1")
        [item] = app.ok("es_create", "item")
    assert (item["result"], item["index"]) == ("created", f"{app.prefix}item-1")
    assert statuses(app) == [("create", "complete")]
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


@WHEN
def test_a_create_that_lost_its_answer_and_then_the_engine_leaves_no_stray_index(app, when):
    declare_items(app, 10)
    with through_proxy(app) as proxy:
        proxy.lose("PUT", "item-1", when, for_good=True)
        assert app.run("es_create", "item").code == 6
    [item] = app.ok("es_create", "item")
    assert item["instance"] == 1
    assert app.indices() == [f"{app.prefix}item-1"]
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_an_index_of_the_same_name_that_someone_else_made_is_not_taken_for_ours(app):
    declare_items(app, 10)
    app.engine_server.must("PUT", f"{app.prefix}item-1", {})
    app.engine_server.must("PUT", f"{app.prefix}item-1/_doc/1?refresh=true", {"theirs": 1})
    app.fails(1, "es_create", "item")
    assert app.docs("item-1") == {"1": {"theirs": 1}}
    assert app.sql("SELECT id FROM esmigrate.index_instance") == []


# ---- activate


@WHEN
def test_an_activate_killed_at_the_switch_is_settled_by_reading_the_alias(app, when):
    filled_items(app, 10)
    app.declare("item", index=NEXT_INDEX)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "2")
    killed_at(app, "POST", "_aliases", when, "es_activate", "item", nth=switch_call(app))
    [item] = app.ok("es_activate", "item")
    assert item["result"] == {"before": "activated", "after": "already_active"}[when]
    assert app.alias("item") == [f"{app.prefix}item-2"]
    assert active(app) == [2]
    interrupted_row(app, "activate")
    assert statuses(app, "activate")[-2:] == [("activate", "interrupted"), ("activate", "complete")]


def test_an_update_after_a_killed_switch_updates_what_the_alias_points_to(app):
    filled_items(app, 10)
    app.declare("item", index=NEXT_INDEX)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "2")
    killed_at(app, "POST", "_aliases", "after", "es_activate", "item", nth=switch_call(app))
    [item] = app.ok("es_update", "item")
    assert item["instance"] == 2
    interrupted_row(app, "activate")


def test_an_activate_whose_answer_is_lost_finds_out(app):
    filled_items(app, 10)
    app.declare("item", index=NEXT_INDEX)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "2")
    with through_proxy(app) as proxy:
        proxy.lose("POST", "_aliases", nth=switch_call(app))
        app.ok("es_activate", "item")
    assert app.alias("item") == [f"{app.prefix}item-2"]
    assert active(app) == [2]


# ---- drop and clear


@WHEN
def test_a_drop_killed_at_the_engine_call_is_settled_and_the_same_command_ends_right(app, when):
    filled_items(app, 10)
    app.ok("es_create", "item", "--force")
    killed_at(app, "DELETE", "item-2", when, "es_drop", "item-2", "--yes")
    app.run("es_drop", "item-2", "--yes", check=0)
    assert instance(app, 2)["state"] == "dropped"
    assert app.indices() == [f"{app.prefix}item-1"]
    interrupted_row(app, "drop")


@WHEN
def test_a_create_after_a_killed_drop_finds_out_what_became_of_it(app, when):
    filled_items(app, 10)
    app.ok("es_create", "item", "--force")
    killed_at(app, "DELETE", "item-2", when, "es_drop", "item-2", "--yes")
    app.ok("es_create", "item")
    assert (instance(app, 2)["state"] == "dropped") == (when == "after")
    assert "item-2" in interrupted_row(app, "drop")["error"]


@WHEN
def test_a_clear_killed_between_its_deletes_is_completed_by_the_same_command(app, when):
    filled_items(app, 10)
    killed_at(app, "POST", "_bulk", when, "es_clear", "item-1", "--yes", "--force")
    assert instance(app)["changed_through"] is None
    [item] = app.ok("es_clear", "item-1", "--yes", "--force")
    assert item["result"] == "cleared"
    assert app.docs("item-1") == {}
    interrupted_row(app, "clear")
    [item] = app.ok("es_update", "item")
    assert item["mode"] == "full"
    assert app.docs("item") == expected_items(app)


# ---- signals


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_load_leaves_interrupted_and_the_same_command_completes(app, number, code):
    gate = gated_items(app, ROWS, MIDDLE)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    process.signal(number)
    result = process.wait(check=code)
    assert "esmigrate: " in result.err
    assert statuses(app) == [("create", "complete"), ("update", "interrupted")]
    assert instance(app)["changed_through"] is None
    # The reading was cancelled, not left behind.
    wait_until(lambda: gate.waiting() == 0)
    gate.open()
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


# ---- servers that go


def test_postgres_restarted_in_the_middle_of_a_load(private_postgres, make_app):
    app = make_app(postgres=private_postgres("--durable"))
    gate = gated_items(app, ROWS, MIDDLE)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    app.postgres.kill()
    app.postgres.start()
    assert "esmigrate: error: " in process.wait(check=5).err
    with contextlib.suppress(psycopg.OperationalError):
        app.sql("SELECT 1")  # the app's own connection notices, too
    gate.open()
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
    assert statuses(app, "update") == [("update", "interrupted"), ("update", "complete")]


def test_an_engine_killed_and_restarted_in_the_middle_of_a_load(private_engine, make_app):
    app = make_app(engine=private_engine())
    gate = gated_items(app, ROWS, MIDDLE)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    app.engine_server.kill()
    gate.open()
    app.engine_server.start()
    process.wait()  # the engine may have been back within its patience, or not
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
    assert instance(app)["changed_through"] is not None


def test_an_engine_that_does_not_answer_is_said_with_6(app):
    filled_items(app, 10)
    name = f"{app.engine_server.family.upper()}_URL"
    with through_proxy(app) as proxy:
        gone = proxy.url
    result = app.fails(6, "es_update", "item", env={name: gone})
    assert gone.removeprefix("http://") in result.err
    assert app.history()[-1]["status"] == "failed"
