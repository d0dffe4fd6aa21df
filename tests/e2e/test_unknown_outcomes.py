"""Rule R7 where nobody can tell what happened: a gateway that answers for the engine, and commands that overtake."""

import signal
import time

import pytest

from faults import declare_items, expected_items, filled_items, gated_items, instance, switch_call, through_proxy

NEXT_INDEX = {"mappings": {"properties": {"title": {"type": "text"}, "amount": {"type": "keyword"}}}}
WHEN = pytest.mark.parametrize("when", ["before", "after"])
# 404: the gateway has no way to the engine, or no engine.
STATUS = pytest.mark.parametrize("status", [502, 504, 404])
# Whether the engine can still be asked after the answer that says nothing.
FOR_GOOD = pytest.mark.parametrize("for_good", [False, True], ids=["engine_there", "engine_gone"])


def active_number(app):
    [row] = app.sql(
        "SELECT i.number FROM esmigrate.index_master m"
        " LEFT JOIN esmigrate.index_instance i ON i.id = m.active_instance_id"
    )
    return row["number"]


def alias_number(app):
    """The number of the one index that the alias points to."""
    [index] = app.alias("item")
    return int(index.rsplit("-", 1)[1])


def two_filled(app):
    """item-1, filled and active, and item-2, filled."""
    filled_items(app, 10)
    app.declare("item", index=NEXT_INDEX)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "2")


def nothing_is_left_open(app):
    assert [row["id"] for row in app.history() if row["status"] == "running"] == []
    assert app.sql("SELECT id FROM esmigrate.index_instance WHERE pending_action_id IS NOT NULL") == []


# ---- the look at what was done is refused

MANY = 100  # more than the tries of a few seconds


@pytest.mark.parametrize("looks, code", [(1, 0), (MANY, 6)])
@pytest.mark.parametrize("status", [403, 429])
def test_a_look_that_is_refused_after_the_switch_does_not_mean_that_nothing_was_switched(app, status, looks, code):
    two_filled(app)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_aliases", "after", switch_call(app))
        process = app.start("es_activate", "item", "2")
        held.wait()
        for _ in range(looks):
            proxy.replace("GET", "_alias/", status, "before")
        held.release()
        result = process.wait(check=code)
    if code:
        assert "Where the alias points now is not known; the next command finds out." in result.err
    app.sql("UPDATE item SET title = '\"Changed\"', changed_at = now() WHERE id = 3")
    [item] = app.ok("es_update", "item")
    assert item["instance"] == active_number(app) == alias_number(app) == 2
    assert app.docs("item")["3"]["title"] == "Changed"
    assert instance(app, 2)["activated_at"] is not None
    nothing_is_left_open(app)
    assert app.ok("es_activate", "item", "2")[0]["result"] == "already_active"


@pytest.mark.parametrize("status", [403, 429])
def test_a_look_that_is_refused_after_a_create_does_not_mean_that_nothing_was_made(app, status):
    declare_items(app, 10)
    with through_proxy(app) as proxy:
        held = proxy.hold("PUT", "item-1", "after")
        process = app.start("es_create", "item")
        held.wait()
        for _ in range(MANY):
            proxy.replace("GET", "item-1", status, "before")
        held.release()
        result = process.wait(check=6)
    assert "Whether the index was made is not known; the next es_create of this master finds out." in result.err
    [item] = app.ok("es_create", "item")
    assert (item["instance"], item["result"]) == (1, "unchanged")
    nothing_is_left_open(app)
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


# ---- a gateway answers for the engine


@STATUS
@FOR_GOOD
@WHEN
def test_a_create_that_a_gateway_answered_is_settled_as_number_1(app, when, for_good, status):
    declare_items(app, 10)
    with through_proxy(app) as proxy:
        rule = proxy.replace("PUT", "item-1", status, when, for_good)
        first = app.run("es_create", "item")
        assert rule.used, first
    if first.code != 0:
        assert "esmigrate: error: " in first.err
    [item] = app.ok("es_create", "item")
    assert (item["instance"], item["index"]) == (1, f"{app.prefix}item-1")
    assert app.indices() == [f"{app.prefix}item-1"]
    assert len(app.sql("SELECT id FROM esmigrate.index_instance")) == 1
    nothing_is_left_open(app)
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


@STATUS
@FOR_GOOD
@WHEN
def test_a_switch_that_a_gateway_answered_is_settled_by_the_alias(app, when, for_good, status):
    two_filled(app)
    with through_proxy(app) as proxy:
        rule = proxy.replace("POST", "_aliases", status, when, for_good, switch_call(app))
        result = app.run("es_activate", "item", "2")
        assert rule.used, result
    if result.code == 0:
        assert (active_number(app), alias_number(app)) == (2, 2)
    app.sql("UPDATE item SET title = '\"Changed\"', changed_at = now() WHERE id = 3")
    [item] = app.ok("es_update", "item")
    assert item["instance"] == active_number(app) == alias_number(app)
    assert app.docs("item")["3"]["title"] == "Changed"
    nothing_is_left_open(app)
    app.ok("es_activate", "item", "2")
    assert (active_number(app), alias_number(app)) == (2, 2)


@pytest.mark.parametrize("status", [504, 404])
@FOR_GOOD
@WHEN
def test_a_drop_that_a_gateway_answered_is_settled_by_the_same_command(app, when, for_good, status):
    two_filled(app)
    with through_proxy(app) as proxy:
        rule = proxy.replace("DELETE", "item-2", status, when, for_good)
        result = app.run("es_drop", "item", "2", "--yes")
        assert rule.used, result
    if result.code != 0 and instance(app, 2)["state"] != "dropped":
        app.ok("es_drop", "item", "2", "--yes")
    assert instance(app, 2)["state"] == "dropped"
    assert app.indices() == [f"{app.prefix}item-1"]
    nothing_is_left_open(app)


def test_a_drop_that_a_gateway_knows_no_way_for_is_not_done(app):
    two_filled(app)
    with through_proxy(app) as proxy:
        proxy.replace("DELETE", "item-2", 404, "before")
        result = app.fails(6, "es_drop", "item", "2", "--yes")
    assert result.err == (
        f'esmigrate: error: engine: delete index "{app.prefix}item-2": HTTP 404, not from the engine:'
        " <html><body><h1>404</h1></body></html>\n"
        "DETAIL: A gateway or load balancer answered in its place.\n"
        "HINT: Whether the index is gone is not known; the next command of this master finds out.\n")
    assert instance(app, 2)["state"] != "dropped" and f"{app.prefix}item-2" in app.indices()
    with through_proxy(app) as proxy:
        proxy.replace("GET", "item-2", 404, "before")
        result = app.fails(6, "es_drop", "item", "2", "--yes")
    assert "HINT: See that it has the engine behind it" in result.err
    assert instance(app, 2)["state"] != "dropped" and f"{app.prefix}item-2" in app.indices()
    app.ok("es_drop", "item", "2", "--yes")
    assert instance(app, 2)["state"] == "dropped" and app.indices() == [f"{app.prefix}item-1"]
    nothing_is_left_open(app)


def test_a_gateway_that_knows_no_way_does_not_unmake_a_created_index(app):
    declare_items(app, 10)
    with through_proxy(app) as proxy:
        proxy.lose("PUT", "item-1", "after", for_good=True)
        app.fails(6, "es_create", "item")
    with through_proxy(app) as proxy:
        rule = proxy.replace("GET", "item-1", 404, "before")
        result = app.fails(6, "es_create", "item")
        assert rule.used and "HTTP 404, not from the engine" in result.err
    assert instance(app, 1)["pending_action_id"] is not None
    [item] = app.ok("es_create", "item")
    assert (item["instance"], item["result"]) == (1, "unchanged")
    nothing_is_left_open(app)
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_a_gateway_that_knows_no_way_does_not_mean_that_the_alias_points_to_nothing(app):
    two_filled(app)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_aliases", "after", switch_call(app))
        process = app.start("es_activate", "item", "2")
        held.wait()
        process.kill()
    with through_proxy(app) as proxy:
        rule = proxy.replace("GET", "_alias/", 404, "before")
        result = app.fails(6, "es_activate", "item", "2")
        assert rule.used and "HTTP 404, not from the engine" in result.err
    assert active_number(app) == 1
    app.ok("es_activate", "item", "2")
    assert active_number(app) == alias_number(app) == 2
    assert instance(app, 2)["activated_at"] is not None
    nothing_is_left_open(app)


@FOR_GOOD
@WHEN
def test_a_fence_that_a_gateway_answered_does_not_shut_the_next_writer_out(app, when, for_good):
    """A killed load makes the next update raise the epoch, which is one _aliases call."""
    gate = gated_items(app, 10, 5)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    process.kill()
    gate.open()
    with through_proxy(app) as proxy:
        rule = proxy.replace("POST", "_aliases", 504, when, for_good)
        result = app.run("es_update", "item", "1")
        assert rule.used, result
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
    nothing_is_left_open(app)


# ---- commands that wait for the same lock


@pytest.mark.parametrize("first, last", [("activate", "clear"), ("clear", "activate")])
def test_an_instance_cleared_while_its_activation_waited_is_not_made_active(app, first, last):
    """What a command found before it had the lock is no longer true when it has it."""
    gate = gated_items(app, 10, 5)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    gate.close()
    updating = app.start("es_update", "item", "1", "--full")
    gate.wait()
    processes = {
        "activate": app.start("es_activate", "item", "1", "--wait-lock"),
        "clear": app.start("es_clear", "item-1", "--yes", "--wait-lock"),
    }
    time.sleep(1)
    assert all(process.running for process in processes.values())
    # Stopped, it cannot get the lock before the other one.
    processes[last].signal(signal.SIGSTOP)
    gate.open()
    updating.wait(check=0)
    processes[first].wait(check=0)
    processes[last].signal(signal.SIGCONT)
    refused = processes[last].wait(check=1)
    assert "esmigrate: error: " in refused.err
    if first == "activate":
        assert alias_number(app) == 1 and app.docs("item") == expected_items(app)
    else:
        assert app.alias("item") == [] and app.docs("item-1") == {}
    nothing_is_left_open(app)
