"""Rules R2 and R3: a run that was stopped for long and replaced changes nothing when it goes on."""

import signal
import time

from faults import (ITEM_INDEX, declare_items, expected_items, filled_items, gated_items, instance, switch_call,
                    through_proxy)
from test_unknown_outcomes import active_number, alias_number
from test_versions import cut_lock
from writing import CHANGED

ROWS = 20_000
MIDDLE = 16_000
INDEX = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0, "index.gc_deletes": "1s"},
    "mappings": {"properties": {"title": {"type": "text"}, "amount": {"type": "integer"}}},
}


def forget(app):
    """Longer than gc_deletes, and a restart of the engine: nothing is left of what it kept in memory."""
    time.sleep(1.5)
    app.engine_server.kill()
    app.engine_server.start()


def test_a_stopped_run_whose_tombstones_are_forgotten_writes_nothing_when_it_goes_on(app):
    """Its requests are older than deletes that the engine no longer remembers: only the fence keeps them out."""
    app.sql("CREATE TABLE gone (id bigint, at timestamptz DEFAULT now())")
    gate = gated_items(app, ROWS, MIDDLE, changed=CHANGED, master={"overlap": "0 seconds"})
    app.declare("item", index=INDEX)
    app.ok("es_create", "item")
    gate.close()
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk", when="before")
        process = app.start("es_update", "item", "1")
        held.wait()
        process.signal(signal.SIGSTOP)
        cut_lock(app)
        gate.open()
        app.ok("es_update", "item", "1")
        app.sql("WITH d AS (DELETE FROM item WHERE id <= 100 RETURNING id) INSERT INTO gone SELECT id FROM d")
        [item] = app.ok("es_update", "item", "1")
        assert item["deleted"] == 100
        after = instance(app)
        forget(app)
        held.release()
        assert held.answered.wait(60)
        process.signal(signal.SIGCONT)
        result = process.wait()
    assert result.code > 0
    assert "lock is lost" in result.err or "taken over" in result.err or "replaced" in result.err
    assert app.docs("item-1") == expected_items(app)
    assert instance(app) == after
    assert [row["status"] for row in app.history()][1:] == ["interrupted", "complete", "complete"]


# ---- the calls that cannot be taken back, by a run that was replaced just before


def replaced_at(app, proxy, method, path, nth, *command, when="after"):
    """A command that is held before that request is answered, and whose lock is lost meanwhile: (held, process)."""
    held = proxy.hold(method, path, when, nth)
    process = app.start(*command)
    held.wait()
    cut_lock(app)
    return held, process


def ends_replaced(held, process):
    held.release()
    result = process.wait()
    assert result.code > 0
    assert "the lock is lost" in result.err or "this run was replaced" in result.err, result


def test_a_replaced_drop_deletes_nothing(app):
    filled_items(app, 10)
    app.ok("es_create", "item", "--force")
    app.ok("es_update", "item", "2")
    looks = through_looks(app, "es_drop", "item-2", "--dry-run")
    with through_proxy(app) as proxy:
        held, process = replaced_at(app, proxy, "GET", "item-2$", looks, "es_drop", "item-2", "--yes")
        app.ok("es_activate", "item", "2")
        ends_replaced(held, process)
    assert app.alias("item") == [app.full_name("item-2")]
    assert app.docs("item") == expected_items(app)


def through_looks(app, *command):
    """How many looks at item-2 the command makes before it begins its work."""
    with through_proxy(app) as proxy:
        app.run(*command, check=0)
        return len([path for method, path in proxy.seen if method == "GET" and path.endswith("item-2")])


def test_a_replaced_first_load_takes_no_settings_off(app):
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "7s"}
    filled_items(app, 10)
    app.declare("item", index={**ITEM_INDEX, "settings": settings})
    app.ok("es_create", "item")
    with through_proxy(app) as proxy:
        held, process = replaced_at(app, proxy, "PUT", "item-2/_settings", 1, "es_update", "item", "2", when="before")
        app.ok("es_update", "item", "2")
        app.ok("es_activate", "item")
        ends_replaced(held, process)
    name = app.full_name("item-2")
    found = app.engine_server.must("GET", f"{name}/_settings?flat_settings=true")[name]["settings"]
    assert found["index.refresh_interval"] == "7s"
    assert instance(app, 2)["settings_to_restore"] is None


def test_a_replaced_clear_forgets_no_rejected_document(app):
    declare_items(app, 10)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    with through_proxy(app) as proxy:
        held, process = replaced_at(app, proxy, "POST", "_refresh", 2, "es_clear", "item-1", "--yes")
        app.sql("UPDATE item SET amount = 'many' WHERE id = 5")
        app.fails(4, "es_update", "item", "1")
        ends_replaced(held, process)
    assert [row["doc_id"] for row in app.sql("SELECT doc_id FROM esmigrate.rejected_document")] == ["5"]
    app.sql("UPDATE item SET amount = '5' WHERE id = 5")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


# ---- a switch


def three_filled(app):
    filled_items(app, 10)
    for number in ("2", "3"):
        app.ok("es_create", "item", "--force")
        app.ok("es_update", "item", number)


def held_before_its_switch(app, proxy):
    """es_activate of the second one, when it has looked where the aliases are; its lock is gone."""
    held = proxy.hold("GET", "_alias/", "after", 2)
    process = app.start("es_activate", "item", "2")
    held.wait()
    cut_lock(app)
    return held, process


def active_is(app, number):
    return (active_number(app), alias_number(app)) == (number, number)


def test_a_lost_lock_is_noticed_at_the_first_look(app):
    """Of a command that the row does not tell of, as it locks the instance alone."""
    three_filled(app)
    with through_proxy(app) as proxy:
        held, process = held_before_its_switch(app, proxy)
        app.ok("es_clear", "item-2", "--yes")
        held.release()
        assert process.wait().code > 0
    assert active_is(app, 1) and len(app.docs("item")) == 10


def test_a_replaced_switch_does_not_record_itself(app):
    three_filled(app)
    with through_proxy(app) as proxy:
        moved = proxy.hold("POST", "_aliases", "after", switch_call(app))
        process = app.start("es_activate", "item", "2")
        moved.wait()
        look = proxy.hold("GET", "_alias/", "after")
        moved.release()
        look.wait()
        cut_lock(app)
        app.ok("es_activate", "item", "3")
        look.release()
        assert process.wait().code > 0
    assert active_is(app, 3)


def test_a_replaced_switch_does_not_record_where_the_alias_was(app):
    three_filled(app)
    with through_proxy(app) as proxy:
        held, process = held_before_its_switch(app, proxy)
        app.ok("es_create", "item", "--force")  # settles the first
        look = proxy.hold("GET", "_alias/", "after")
        held.release()
        look.wait()
        app.ok("es_activate", "item", "3")
        look.release()
        assert process.wait().code > 0
    assert active_is(app, 3)
