"""Rules R2 and R3: a run that was stopped for long and replaced changes nothing when it goes on."""

import signal
import time

from faults import expected_items, gated_items, instance, through_proxy
from test_versions import cut_lock

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
    changed = "SELECT id AS _id FROM item WHERE changed_at >= $1 UNION ALL SELECT id FROM gone WHERE at >= $1"
    gate = gated_items(app, ROWS, MIDDLE, changed=changed, master={"overlap": "0 seconds"})
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
