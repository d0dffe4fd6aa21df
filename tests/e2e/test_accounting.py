"""Rule R4: every document is accounted for, and rejected ones are kept until they are accepted or gone."""

import threading

import pytest

from faults import (
    ITEM_DOCUMENTS,
    assert_accounted,
    declare_items,
    expected_items,
    filled_items,
    instance,
    through_proxy,
    wait_until,
)
from servers import Engine

BAD = [str(n) for n in range(7000, 100_001, 10_000)]


def rejected(app):
    """{doc_id: row} of rejected_document."""
    return {row["doc_id"]: row for row in app.sql("SELECT * FROM esmigrate.rejected_document")}


def spoil(app, ids, amount="many"):
    app.sql("UPDATE item SET amount = %s, changed_at = now() WHERE id = ANY (%s)", (amount, [int(i) for i in ids]))


def mend(app, ids):
    app.sql(
        "UPDATE item SET amount = '1', title = to_json('Mended'::text), changed_at = now() WHERE id = ANY (%s)",
        ([int(i) for i in ids],),
    )


def last_action(app):
    return app.history()[-1]


# ---- rejected documents


def test_ten_bad_rows_among_100000_are_rejected_and_nothing_else(app):
    declare_items(app, 100_000)
    spoil(app, BAD[:5])
    app.sql("""UPDATE item SET title = '{"not": "a text"}' WHERE id = ANY (%s)""", ([int(i) for i in BAD[5:]],))
    app.ok("es_create", "item")
    result = app.fails(4, "es_update", "item", "1", "-o", "json")
    [item] = result.json
    assert (item["status"], item["mode"], item["indexed"], item["rejected"]) == ("partial", "full", 99_990, 10)

    row = last_action(app)
    assert (row["status"], row["docs_sent"], row["docs_indexed"]) == ("partial", 100_000, 99_990)
    assert (row["docs_rejected"], row["docs_deleted"], row["docs_superseded"]) == (10, 0, 0)
    assert_accounted(row)
    open_ones = rejected(app)
    assert sorted(open_ones) == sorted(BAD)
    for document in open_ones.values():
        assert (document["http_status"], document["tries"], document["action_id"]) == (400, 1, row["id"])
        assert document["error_type"] in ("mapper_parsing_exception", "document_parsing_exception")
    assert all("amount" in open_ones[i]["reason"] for i in BAD[:5])
    assert all("title" in open_ones[i]["reason"] for i in BAD[5:])
    count = app.engine_server.must("GET", f"{app.prefix}item-1/_count")["count"]
    assert count == 99_990

    mend(app, BAD)
    [item] = app.ok("es_update", "item", "1")
    assert (item["mode"], item["status"], item["rejected"]) == ("changed", "complete", 0)
    assert item["indexed"] == 10
    assert rejected(app) == {}
    assert_accounted(last_action(app))


def test_an_update_moves_changed_through_past_rejected_documents(app):
    filled_items(app, 50)
    before = instance(app)["changed_through"]
    spoil(app, ["7"])
    app.fails(4, "es_update", "item")
    assert instance(app)["changed_through"] > before


def test_a_document_that_stays_bad_is_tried_by_every_update(app):
    filled_items(app, 50)
    spoil(app, ["7", "8"])
    app.sql("UPDATE item SET changed_at = now() - interval '1 hour' WHERE id = 8")
    app.fails(4, "es_update", "item", "--full")
    first = rejected(app)
    assert sorted(first) == ["7", "8"]
    app.fails(4, "es_update", "item")
    mend(app, ["8"])
    app.fails(4, "es_update", "item")
    second = rejected(app)
    assert sorted(second) == ["7"]
    assert (second["7"]["tries"], second["7"]["first_at"]) == (3, first["7"]["first_at"])
    assert second["7"]["last_at"] > first["7"]["last_at"]
    assert second["7"]["action_id"] == last_action(app)["id"]
    assert app.docs("item")["8"] == {"title": "Mended", "amount": "1"}
    assert app.docs("item")["7"] == {"title": "Item 7", "amount": "7"}


def test_a_rejected_row_that_is_deleted_from_the_source_is_forgotten(app):
    filled_items(app, 50)
    spoil(app, ["7", "8"])
    app.fails(4, "es_update", "item")
    app.sql("DELETE FROM item WHERE id = 7")
    app.fails(4, "es_update", "item")
    assert sorted(rejected(app)) == ["8"]
    assert "7" not in app.docs("item")
    app.sql("DELETE FROM item WHERE id = 8")
    app.ok("es_update", "item")
    assert rejected(app) == {}
    assert app.docs("item") == expected_items(app)


def test_a_full_update_settles_rejected_documents_too(app):
    filled_items(app, 50)
    spoil(app, ["7", "8"])
    app.fails(4, "es_update", "item", "--full")
    mend(app, ["7"])
    app.sql("DELETE FROM item WHERE id = 8")
    app.ok("es_update", "item", "--full")
    assert rejected(app) == {}
    assert app.docs("item") == expected_items(app)


def test_allow_rejected_tolerates_as_many_as_it_says(app):
    filled_items(app, 50)
    spoil(app, ["7", "8", "9"])
    assert "3 rejected documents" in app.fails(4, "es_update", "item", "--allow-rejected", "2").err
    [item] = app.ok("es_update", "item", "--allow-rejected", "3")
    assert (item["status"], item["rejected"]) == ("partial", 3)
    assert last_action(app)["status"] == "partial"


def test_more_than_10000_rejected_documents_fail_the_run(app):
    declare_items(app, 10_050)
    app.sql("UPDATE item SET amount = 'many'")
    app.ok("es_create", "item")
    result = app.fails(1, "es_update", "item", "1")
    assert "10000" in result.err and "HINT:" in result.err
    assert (last_action(app)["status"], instance(app)["changed_through"]) == ("failed", None)
    assert len(rejected(app)) <= 10_000


# ---- rejected before they are sent


def test_ids_that_no_engine_takes_are_rejected_and_their_neighbours_are_not(app):
    app.sql("CREATE TABLE named (name text, changed_at timestamptz DEFAULT now())")
    longest = "é" * 256
    names = ["", "x" * 513, "é" * 257, longest, "a", "with \"quotes\" \\ and\nlines", " "]
    for name in names:
        app.sql("INSERT INTO named VALUES (%s)", (name,))
    app.declare("item", index={}, documents="SELECT name AS _id, changed_at AS _changed_at, 1 AS one FROM named")
    app.ok("es_init")
    app.ok("es_create", "item")
    app.fails(4, "es_update", "item", "1")
    assert sorted(rejected(app)) == sorted(names[:3])
    assert {row["http_status"] for row in rejected(app).values()} == {None}
    assert sorted(app.docs("item-1")) == sorted(names[3:])
    row = last_action(app)
    assert (row["docs_sent"], row["docs_indexed"], row["docs_rejected"]) == (7, 4, 3)

    app.sql("DELETE FROM named WHERE name = ANY (%s)", (names[:3],))
    app.ok("es_update", "item", "1")
    assert rejected(app) == {}
    assert_accounted(last_action(app))


def test_a_long_reason_that_is_not_ascii_is_stored(app):
    """Engines quote the value; a reason cut in the middle of a character is no text for PostgreSQL."""
    filled_items(app, 3)
    for doc_id, padding in (("1", ""), ("2", "x")):  # one of them is cut in the middle, whatever the limit
        spoil(app, [doc_id], padding + "я" * 3000)
    app.fails(4, "es_update", "item")
    assert (last_action(app)["status"], last_action(app)["docs_rejected"]) == ("partial", 2)
    assert_accounted(last_action(app))
    assert sorted(rejected(app)) == ["1", "2"]
    assert all("amount" in row["reason"] for row in rejected(app).values())


def test_ids_longer_than_an_index_row_are_rejected_and_the_next_update_works(app):
    # Random, since PostgreSQL would compress a repeated letter to a key that fits an index row.
    app.sql("CREATE TABLE named (name text, changed_at timestamptz DEFAULT now() - interval '1 hour')")
    app.sql(
        "INSERT INTO named SELECT left(string_agg(md5(random()::text), ''), size)"
        " FROM unnest(ARRAY[3000, 6000]) size, generate_series(1, 200) GROUP BY size"
    )
    app.sql("INSERT INTO named VALUES ('a'), ('b')")
    app.declare("item", index={}, documents="SELECT name AS _id, changed_at AS _changed_at, 1 AS one FROM named")
    app.ok("es_init")
    app.ok("es_create", "item")
    app.fails(4, "es_update", "item", "1")
    assert [len(doc_id) for doc_id in rejected(app)] == [513, 513]  # more is not read of an id
    assert sorted(app.docs("item-1")) == ["a", "b"]

    app.sql("INSERT INTO named VALUES ('c', now())")
    app.fails(4, "es_update", "item", "1")
    assert {row["tries"] for row in rejected(app).values()} == {2}
    assert sorted(app.docs("item-1")) == ["a", "b", "c"]
    app.sql("DELETE FROM named WHERE length(name) > 1")
    app.ok("es_update", "item", "1")
    assert rejected(app) == {}


def test_a_full_load_whose_documents_are_all_refused_fails(app):
    declare_items(app, 50)
    app.sql("UPDATE item SET amount = 'many'")
    app.ok("es_create", "item")
    result = app.fails(1, "es_update", "item", "1")
    assert "all of 50 documents were refused" in result.err
    assert last_action(app)["status"] == "failed"
    assert instance(app)["state"] != "ready" and instance(app)["changed_through"] is None
    app.fails(1, "es_activate", "item", "1")
    assert app.alias("item") == []


def test_a_document_over_max_document_bytes_is_rejected(app):
    declare_items(app, 3, master={"max_document_bytes": 1000})
    app.sql("UPDATE item SET title = to_json(repeat('x', 2000)) WHERE id = 2")
    app.ok("es_create", "item")
    app.fails(4, "es_update", "item", "1")
    [row] = rejected(app).values()
    assert (row["doc_id"], row["error_type"], row["http_status"]) == ("2", "document_too_large", None)
    assert "1000" in row["reason"]
    assert sorted(app.docs("item-1")) == ["1", "3"]

    app.declare("item", master={"max_document_bytes": 3000})
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_a_source_that_is_no_object_is_rejected(app):
    app.sql("CREATE TABLE body (id int, doc json)")
    values = {1: None, 2: "null", 3: "[1]", 4: '"text"', 5: "7", 6: ' \n {"a": 1}', 7: "{}"}
    for number, value in values.items():
        app.sql("INSERT INTO body VALUES (%s, %s)", (number, value))
    app.declare("item", index={}, documents="SELECT id AS _id, doc AS _source FROM body")
    app.ok("es_init")
    app.ok("es_create", "item")
    app.fails(4, "es_update", "item", "1")
    assert {i: row["error_type"] for i, row in rejected(app).items()} == dict.fromkeys("12345", "not_an_object")
    assert app.docs("item-1") == {"6": {"a": 1}, "7": {}}
    assert_accounted(last_action(app))


def test_a_source_that_only_postgres_takes_is_rejected_and_its_neighbours_are_not(app):
    app.sql("CREATE TABLE body (id int, doc json)")
    # Sent, it would end the node of Elasticsearch 7.10.
    deep = '{"a": ' + "[" * 3000 + "]" * 3000 + "}"
    values = {1: '{"a": 1, "a": 2}', 2: '{"": 1}', 3: deep, 4: '{"a": 1}', 5: '{"b": 2}'}
    for number, value in values.items():
        app.sql("INSERT INTO body VALUES (%s, %s)", (number, value))
    app.declare("item", index={}, documents="SELECT id AS _id, doc AS _source FROM body")
    app.ok("es_init")
    app.ok("es_create", "item")
    app.fails(4, "es_update", "item", "1")
    refused, accepted = "123", "45"
    assert sorted(rejected(app)) == list(refused)
    engine, index = app.engine_server, f"{app.prefix}item-1"
    engine.must("POST", f"{index}/_refresh")
    # Without sources: Python's json does not take the deep one.
    hits = engine.must("POST", f"{index}/_search", {"_source": False})["hits"]["hits"]
    assert sorted(hit["_id"] for hit in hits) == list(accepted)
    assert [engine.must("GET", f"{index}/_doc/{doc_id}")["_source"] for doc_id in "45"] == [{"a": 1}, {"b": 2}]
    assert_accounted(last_action(app))


def test_a_pipeline_that_drops_documents_is_noticed(app):
    pipeline = f"{app.prefix}drop"
    drop = {"processors": [{"drop": {"if": "ctx.a == 2"}}]}
    app.engine_server.must("PUT", f"_ingest/pipeline/{pipeline}", drop)
    try:
        app.declare("item", index={"settings": {"index.default_pipeline": pipeline}},
                    documents="SELECT n AS _id, n AS a FROM generate_series(1, 3) n")
        app.ok("es_init")
        app.ok("es_create", "item")
        app.fails(4, "es_update", "item", "1")
        [row] = rejected(app).values()
        assert row["doc_id"] == "2" and "pipeline" in row["reason"]
        assert sorted(app.docs("item-1")) == ["1", "3"]
        assert_accounted(last_action(app))
    finally:
        # The index is in the way of its pipeline.
        app.engine_server.must("DELETE", f"{app.prefix}item-1")
        app.engine_server.must("DELETE", f"_ingest/pipeline/{pipeline}")


# ---- what is not the document's fault


def test_a_write_block_stops_the_run_and_rejects_nothing(app):
    filled_items(app, 50)
    before = instance(app)["changed_through"]
    app.engine_server.must("PUT", f"{app.prefix}item-1/_settings", {"index.blocks.write": True})
    mend(app, ["7"])
    result = app.fails(6, "es_update", "item")
    assert "cluster_block_exception" in result.err or "block" in result.err
    assert result.seconds < 20
    assert rejected(app) == {}
    assert (last_action(app)["status"], instance(app)["changed_through"]) == ("failed", before)
    app.engine_server.must("PUT", f"{app.prefix}item-1/_settings", {"index.blocks.write": None})
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


def test_a_breaker_that_no_request_fits_is_met_with_smaller_ones(app):
    declare_items(app, 2000)
    app.ok("es_create", "item")
    limit = "network.breaker.inflight_requests.limit"
    app.engine_server.must("PUT", "_cluster/settings", {"transient": {limit: "400kb"}})
    app.ok("es_update", "item", "1")
    row = last_action(app)
    assert (row["docs_indexed"], row["docs_rejected"], row["retries"] > 0) == (2000, 0, True)
    assert app.docs("item-1") == expected_items(app)


def test_a_tripped_breaker_is_waited_for(app):
    declare_items(app, 2000)
    app.ok("es_create", "item")
    limit = "indices.breaker.total.limit"
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk", "before")
        process = app.start("es_update", "item", "1", "-v")
        held.wait()
        app.engine_server.must("PUT", "_cluster/settings", {"transient": {limit: "1%"}})
        held.release()
        wait_until(lambda: "trying again" in process.err)
        app.engine_server.must("PUT", "_cluster/settings", {"transient": {limit: None}})
        process.wait(check=0)
    row = last_action(app)
    assert (row["status"], row["docs_sent"], row["docs_indexed"]) == ("complete", 2000, 2000)
    assert row["retries"] > 0
    assert app.docs("item-1") == expected_items(app)


@pytest.fixture(scope="module")
def narrow_engine(engine, server_folder):
    """An engine with one writer, a queue of one, little memory for requests, and a limit below our bulk bodies."""
    narrow = ["thread_pool.write.size: 1", "thread_pool.write.queue_size: 1", "http.max_content_length: 4mb",
              "indexing_pressure.memory.limit: 2mb"]
    server = Engine(engine.family, server_folder / f"narrow.{engine.family}",
                    *[word for line in narrow for word in ("--set", line)])
    yield server
    server.remove()


def hammer(server, index, stop):
    """Keeps the engine busy with bulk requests of its own until told to stop."""
    lines = [line for n in range(500) for line in ({"index": {"_id": str(n)}}, {"text": "x" * 500})]
    while not stop.is_set():
        server.request("POST", f"{index}/_bulk", lines)


def test_a_busy_engine_gets_every_document_in_the_end(make_app, narrow_engine):
    app = make_app(engine=narrow_engine)
    declare_items(app, 2_000)
    # Even our own requests in flight are more than the engine has memory for.
    app.sql("UPDATE item SET title = to_json(repeat('text ', 800) || id)")
    app.ok("es_create", "item")
    stop = threading.Event()
    threads = [threading.Thread(target=hammer, args=(narrow_engine, f"{app.prefix}hammer", stop)) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        process = app.start("es_update", "item", "1", "-v")
        wait_until(lambda: process.err.count("trying again") >= 5 or not process.running)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    result = process.wait(check=0)
    assert "busy" in result.err or "429" in result.err or "rejected_execution" in result.err
    row = last_action(app)
    assert (row["status"], row["docs_sent"], row["docs_indexed"]) == ("complete", 2_000, 2_000)
    assert row["retries"] > 0
    assert rejected(app) == {}
    assert app.docs("item-1") == expected_items(app)


def test_a_request_that_is_too_large_is_halved_until_the_culprit_stands_alone(make_app, narrow_engine):
    app = make_app(engine=narrow_engine)
    declare_items(app, 400)
    app.sql("UPDATE item SET title = to_json(repeat('word ', 6000)) WHERE id <> 200")
    app.sql("UPDATE item SET title = to_json(repeat('word ', 1000000)) WHERE id = 200")
    app.ok("es_create", "item")
    app.fails(4, "es_update", "item", "1")
    assert list(rejected(app)) == ["200"]
    assert rejected(app)["200"]["http_status"] == 413
    row = last_action(app)
    assert (row["docs_sent"], row["docs_indexed"], row["docs_rejected"]) == (400, 399, 1)
    expected = expected_items(app)
    del expected["200"]
    assert app.docs("item-1") == expected


def test_a_document_that_the_engine_never_has_room_for_is_rejected_at_once(make_app, narrow_engine):
    """It is below http.max_content_length, and above the memory for requests: 429 as if waiting could help."""
    app = make_app(engine=narrow_engine)
    declare_items(app, 400)
    app.sql("UPDATE item SET title = to_json(repeat('word ', 6000)) WHERE id <> 200")
    app.sql("UPDATE item SET title = to_json(repeat('word ', 600000)) WHERE id = 200")
    app.ok("es_create", "item")
    result = app.fails(4, "es_update", "item", "1")
    assert result.seconds < 60
    assert list(rejected(app)) == ["200"]
    assert rejected(app)["200"]["http_status"] == 429
    row = last_action(app)
    assert (row["docs_sent"], row["docs_indexed"], row["docs_rejected"]) == (400, 399, 1)
    assert_accounted(row)
    app.sql("UPDATE item SET title = to_json('short'::text) WHERE id = 200")
    app.ok("es_retry", "item", "1")
    assert app.docs("item-1") == expected_items(app)


# ---- duplicate ids


def test_duplicate_ids_fail_the_full_update_and_are_named(app):
    declare_items(app, 50, documents=ITEM_DOCUMENTS + " UNION ALL " + ITEM_DOCUMENTS.replace("item", "item t")
                  + " WHERE id IN (7, 8)")
    app.ok("es_create", "item")
    result = app.fails(1, "es_update", "item", "1")
    assert "7" in result.err and "8" in result.err and "_id" in result.err
    assert last_action(app)["status"] == "failed"
    assert instance(app)["changed_through"] is None
