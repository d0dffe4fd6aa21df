"""An answer of the engine that lacks a shard, which is none that failed, is never taken for all there is."""

import contextlib

import pytest
import test_routing as routing
from courses import MASTER
from faults import declare_items, expected_items, filled_items, wait_until

pytestmark = pytest.mark.either

RECOVERIES = "cluster.routing.allocation.node_initial_primaries_recoveries"
TWO_SHARDS = {
    "settings": {"number_of_shards": 2, "number_of_replicas": 0},
    "mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}, "amount": {"type": "integer"}}},
}
# A refresh waits a minute for a primary.
SLOW = pytest.mark.soak


@contextlib.contextmanager
def shard_away(app, name, shard=1):
    """The primary of a shard is not assigned meanwhile, as while its node restarts."""
    server, index = app.engine_server, app.full_name(name)
    [node] = server.must("GET", "_nodes/_local")["nodes"]
    cancel = {"index": index, "shard": shard, "node": node, "allow_primary": True}
    server.must("PUT", "_cluster/settings", {"transient": {RECOVERIES: 0}})
    try:
        server.must("POST", "_cluster/reroute", {"commands": [{"cancel": cancel}]})
        wait_until(lambda: server.must("GET", f"{index}/_count")["_shards"]["successful"] == 1)
        yield
    finally:
        server.must("PUT", "_cluster/settings", {"transient": {RECOVERIES: None}})
        server.must("POST", "_cluster/reroute?retry_failed=true", {})
        server.must("GET", f"_cluster/health/{index}?wait_for_status=yellow&wait_for_no_initializing_shards=true")


def refused(app, *command):
    result = app.run(*command)
    assert result.code == 6, result
    assert "not all shards of the index answered" in result.err
    assert "HINT: " in result.err
    return result


@SLOW
def test_an_update_that_looks_for_copies_finds_all_or_fails(app):
    """With _routing the copies of a document are looked up before they are deleted."""
    routing.filled(app, routing.index(2), changed=routing.CHANGED)
    before = app.sql("SELECT changed_through FROM esmigrate.index_instance")
    app.sql("WITH d AS (DELETE FROM comment WHERE id <= 12 RETURNING id) INSERT INTO gone SELECT id FROM d")
    with shard_away(app, f"{MASTER}-1"):
        refused(app, "es_update", MASTER, "1")
    assert app.sql("SELECT changed_through FROM esmigrate.index_instance") == before
    assert routing.update(app)["deleted"] == 12
    routing.assert_right(app)


@pytest.mark.parametrize(
    "command",
    [
        ["es_update", "item", "--full"],
        pytest.param(["es_clear", "item-2", "--force", "--yes"], marks=SLOW),
        pytest.param(["es_verify", "item-2"], marks=SLOW),
    ],
)
def test_what_reads_all_of_the_index_reads_all_shards(app, command):
    filled_items(app, 60)
    app.declare("item", index=TWO_SHARDS)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "2")
    app.ok("es_activate", "item")
    app.sql("DELETE FROM item WHERE id <= 30")
    with shard_away(app, "item-2"):
        refused(app, *command)
    app.run(*command)
    found = app.docs("item-2")
    if command[0] == "es_update":
        assert found == expected_items(app)
    if command[0] == "es_clear":
        assert found == {}


def test_a_count_that_lacks_a_shard_does_not_blame_the_load(app):
    declare_items(app, 60, documents="SELECT id AS _id, title, amount FROM item")
    app.declare("item", index=TWO_SHARDS)
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    with shard_away(app, "item-1"):
        [row] = app.ok("es_list", "item")
        assert row["docs"] is None
