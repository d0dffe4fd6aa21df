"""Rule R6 with `_routing`: whatever shard a document is on, its old copy and its delete are found."""

import pytest

from courses import MASTER, search
from faults import assert_accounted, late_bulk, through_proxy

pytestmark = pytest.mark.either

TABLE = """
CREATE TABLE comment (
    id int PRIMARY KEY, post text, body text, deleted boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL DEFAULT now())
"""
DOCUMENTS = "SELECT id AS _id, post AS _routing, changed_at AS _changed_at, deleted AS _deleted, body FROM comment"
CHANGED = """
SELECT id AS _id FROM comment WHERE changed_at >= $1
UNION SELECT id FROM gone WHERE at >= $1
"""
ROWS = 40
FIELDS = {"body": {"type": "keyword"}, "pad": {"type": "object", "enabled": False}}


def index(shards, **settings):
    return {
        "settings": {"number_of_shards": shards, "number_of_replicas": 0, **settings},
        "mappings": {"_routing": {"required": bool(settings)}, "properties": FIELDS},
    }


def filled(app, body, changed=None, pad=0):
    """Comments 1..40 of posts 0..6 in course_search-1, written an hour ago."""
    app.sql(TABLE)
    app.sql("CREATE TABLE gone (id int, at timestamptz NOT NULL DEFAULT now())")
    app.sql(
        "INSERT INTO comment SELECT n, 'post ' || mod(n, 7), 'text ' || n, false, now() - interval '1 hour'"
        " FROM generate_series(1, %s) n",
        (ROWS,),
    )
    app.ok("es_init")
    documents = DOCUMENTS.replace("FROM", f", repeat('x', {pad}) AS pad FROM") if pad else DOCUMENTS
    app.declare(MASTER, index=body, documents=documents, changed=changed)
    app.ok("es_create", MASTER)
    assert update(app)["indexed"] == ROWS
    assert_right(app)


def update(app, *args):
    [item] = app.ok("es_update", MASTER, "1", *args)
    assert_accounted(app.history()[-1])
    return item


def assert_right(app):
    """Every comment once, where its post leads, and nothing else."""
    hits = search(app, f"{MASTER}-1", {})
    found = sorted((int(hit["_id"]), hit.get("_routing"), hit["_source"]["body"]) for hit in hits)
    rows = app.sql("SELECT id, nullif(post, '') AS post, body FROM comment WHERE NOT deleted ORDER BY id")
    assert found == [(row["id"], row["post"], row["body"]) for row in rows]


def move(app, condition, post="'other ' || id"):
    app.sql(f"UPDATE comment SET post = {post}, changed_at = now() WHERE {condition}")


KINDS = [
    pytest.param(index(1), id="1 shard"),
    pytest.param(index(5), id="5 shards"),
    pytest.param(index(4, routing_partition_size=2, number_of_routing_shards=8), id="partitions"),
]


@pytest.mark.parametrize("changed", [None, CHANGED], ids=["_changed_at", "changed.sql"])
@pytest.mark.parametrize("body", KINDS)
def test_a_document_that_moved_leaves_no_copy_behind(app, body, changed):
    filled(app, body, changed)
    move(app, "id % 2 = 0")
    item = update(app)
    ends = {"indexed": ROWS // 2, "deleted": 0, "superseded": 0, "rejected": 0}  # a copy is no document
    assert item.items() >= {"mode": "changed", **ends}.items()
    assert_right(app)
    move(app, "id <= 10", "'post ' || id % 7")  # back again, some of them
    assert update(app)["indexed"] >= 10
    assert_right(app)
    move(app, "id > 10")
    assert update(app, "--full")["deleted"] <= ROWS
    assert_right(app)


@pytest.mark.parametrize("body", KINDS)
def test_a_delete_finds_the_document_wherever_it_is(app, body):
    filled(app, body, CHANGED)
    # Gone from the table / marked / moved and marked at once.
    app.sql("INSERT INTO gone SELECT generate_series(1, 5)")
    app.sql("DELETE FROM comment WHERE id <= 5")
    app.sql("UPDATE comment SET deleted = true, changed_at = now() WHERE id BETWEEN 6 AND 10")
    app.sql("UPDATE comment SET deleted = true, post = 'x' || id, changed_at = now() WHERE id BETWEEN 11 AND 15")
    item = update(app)
    assert (item["indexed"], item["deleted"], item["rejected"]) == (0, 15, 0)
    assert_right(app)
    # They are named again, by the overlap, and are not there any more.
    assert update(app)["rejected"] == 0
    app.sql("UPDATE comment SET deleted = false, changed_at = now() WHERE id = 6")
    update(app)
    app.sql("UPDATE comment SET deleted = true, changed_at = now() WHERE id = 6")
    update(app)
    assert_right(app)


def test_a_routing_that_becomes_null_and_one_again(app):
    filled(app, index(5), CHANGED)
    move(app, "id % 2 = 0", "NULL")
    move(app, "id % 5 = 0", "''")  # the engine takes an empty one for none
    update(app)
    assert_right(app)
    move(app, "id % 4 = 0")
    update(app)
    assert_right(app)
    move(app, "true", "NULL")
    update(app, "--full")
    assert_right(app)


def test_a_full_update_removes_the_copy_of_a_document_that_moved(app):
    """The copy's _id is in the source, its routing is not."""
    filled(app, index(5))
    app.sql("UPDATE comment SET post = 'other ' || id WHERE id % 2 = 0")
    app.sql("DELETE FROM comment WHERE id > 35")
    assert update(app)["indexed"] == 0  # nothing says that they changed
    assert update(app, "--full")["indexed"] == 35
    assert_right(app)


@pytest.mark.parametrize("full", [[], ["--full"]], ids=["changed", "full"])
def test_copies_that_a_killed_run_left_are_removed_by_the_next_one(app, full):
    """The run is killed between the write of the moved documents and the deletes of their copies."""
    filled(app, index(5), CHANGED, pad=400_000)  # four requests: the deletes are in the last one
    move(app, "true")
    with through_proxy(app) as proxy:
        first = proxy.hold("POST", "/_bulk", "after")
        for _ in range(3):
            proxy.hold("POST", "/_bulk", "before")
        process = app.start("es_update", MASTER, "1", *full)
        first.wait()
        process.kill()
    left = len(search(app, f"{MASTER}-1", {"_source": False}))
    assert left > ROWS, "the test missed the moment"
    move(app, "id % 3 = 0", "'third ' || id")  # and on they go
    update(app)
    assert_right(app)
    assert app.history()[-2]["status"] == "interrupted"


def test_a_run_waits_for_the_requests_of_a_killed_one(app):
    """The engine still carries them out: a copy that one writes would be looked up too early."""
    filled(app, index(1) | {"settings": {"number_of_shards": 2, "number_of_replicas": 1}}, CHANGED)
    move(app, "id = 1")
    with late_bulk(app, f"{MASTER}-1", {"index": {"_id": "1", "routing": "late"}}, {"body": "late"}) as ended:
        update(app)
        assert ended()
    assert_right(app)


def test_copies_that_are_left_are_found_though_there_are_many(app):
    """A copy of each on every shard, more than a page of a search: as if many runs had been killed."""
    filled(app, index(5), CHANGED)
    app.sql(
        "INSERT INTO comment SELECT n, 'post ' || n, 'text ' || n, false, now() - interval '1 hour'"
        " FROM generate_series(41, 1500) n"
    )
    lines = []
    for number in range(1, 1501):
        for shard in range(12):
            lines.append({"index": {"_id": str(number), "routing": f"left {shard}", "version": 1,
                                    "version_type": "external_gte"}})
            lines.append({"body": "left"})
    for start in range(0, len(lines), 6000):
        app.engine_server.must("POST", app.full_name(f"{MASTER}-1") + "/_bulk", lines[start : start + 6000])
    app.sql("UPDATE comment SET changed_at = now()")
    assert update(app)["indexed"] == 1500
    found = app.engine_server.must("GET", app.full_name(f"{MASTER}-1") + "/_count")["count"]
    assert found == 1500
    assert_right(app)


def test_a_rejected_document_that_moves_is_read_again_and_leaves_no_copy(app):
    filled(app, index(5), CHANGED)
    app.sql("UPDATE comment SET body = repeat('x', 40000), changed_at = now() WHERE id = 3")
    app.run("es_update", MASTER, "1", check=4)
    app.sql("UPDATE comment SET body = 'short', post = 'elsewhere' WHERE id = 3")
    assert update(app)["indexed"] >= 1
    assert_right(app)


def test_a_child_moves_to_another_parent(app):
    """As with a join field: a child is on the shard of its parent."""
    app.sql("CREATE TABLE node (id text PRIMARY KEY, parent text, changed_at timestamptz DEFAULT now())")
    app.sql("INSERT INTO node SELECT 'p' || n, NULL, now() - interval '1 hour' FROM generate_series(1, 10) n")
    app.sql("INSERT INTO node SELECT 'c' || n, 'p' || n, now() - interval '1 hour' FROM generate_series(1, 10) n")
    join = {"type": "join", "relations": {"parent": "child"}}
    app.declare(
        MASTER,
        index={"settings": {"number_of_shards": 3}, "mappings": {"properties": {"j": join}}},
        documents="SELECT id AS _id, changed_at AS _changed_at, coalesce(parent, id) AS _routing, CASE WHEN parent IS"
        " NULL THEN '{\"name\": \"parent\"}'::jsonb ELSE jsonb_build_object('name', 'child', 'parent', parent) END AS j"
        " FROM node",
    )
    app.ok("es_init")
    app.ok("es_create", MASTER)
    update(app)
    app.sql("UPDATE node SET parent = 'p1', changed_at = now() WHERE parent IS NOT NULL")
    assert update(app)["indexed"] == 10
    body = {"query": {"has_parent": {"parent_type": "parent", "query": {"ids": {"values": ["p1"]}}}}}
    assert len(search(app, f"{MASTER}-1", body)) == 10
    assert len(search(app, f"{MASTER}-1", {})) == 20


def set_window(app, window):
    """None: as it is by default, which is what assert_right() needs."""
    app.engine_server.must("PUT", app.full_name(f"{MASTER}-1") + "/_settings", {"index.max_result_window": window})


def test_copies_are_found_though_a_search_returns_few_documents(app):
    filled(app, index(5), CHANGED)
    lines = []
    for number in range(1, ROWS + 1):
        for shard in range(12):
            lines.append({"index": {"_id": str(number), "routing": f"left {shard}", "version": 1,
                                    "version_type": "external_gte"}})
            lines.append({"body": "left"})
    for full in ([], ["--full"]):
        app.engine_server.must("POST", app.full_name(f"{MASTER}-1") + "/_bulk", lines)
        app.sql("UPDATE comment SET changed_at = now()")
        set_window(app, 7)
        assert update(app, *full)["indexed"] == ROWS
        set_window(app, None)
        assert_right(app)


def test_a_search_that_returns_fewer_documents_than_there_are_shards_is_refused(app):
    filled(app, index(5), CHANGED)
    move(app, "id = 1")
    set_window(app, 4)
    result = app.fails(1, "es_update", MASTER, "1")
    name = app.full_name(f"{MASTER}-1")
    assert f'index "{name}": its max_result_window, 4, is less than its 5 shards' in result.err
    set_window(app, 5)
    update(app)
    set_window(app, None)
    assert_right(app)
