"""Rules R2 and R3: one writer per instance, fenced in the engine, and no stale write ever wins."""

import signal

import pytest

from faults import (
    expected_items,
    filled_items,
    gated_items,
    instance,
    through_proxy,
    wait_until,
)

pytestmark = pytest.mark.either

ROWS = 20_000
MIDDLE = 16_000  # behind more than one request of five megabytes
FOREIGN = 9_000_000_000_000_000  # microseconds: the year 2255

INSTANCE_LOCKS = """
    SELECT l.pid FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = x'65736d32'::int::oid AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def versions(app, index):
    """{_id: _version} of up to 10,000 documents, after a refresh."""
    name = app.full_name(index)
    app.engine_server.must("POST", f"{name}/_refresh")
    hits = app.engine_server.must("POST", f"{name}/_search", {"size": 10_000, "version": True, "_source": False})
    return {hit["_id"]: hit["_version"] for hit in hits["hits"]["hits"]}


def write_aliases(app, index):
    name = app.full_name(index)
    aliases = app.engine_server.must("GET", f"{name}/_alias")[name]["aliases"]
    return sorted(alias for alias in aliases if ".W" in alias)


def touch(app, *ids, title="Changed"):
    app.sql(
        "UPDATE item SET title = to_json(%s::text), changed_at = now() WHERE id = ANY (%s)", (title, list(ids))
    )


def cut_lock(app):
    """Ends the connection that holds the lock of an instance, as a broken network would."""
    [row] = app.sql(INSTANCE_LOCKS)
    app.sql("SELECT pg_terminate_backend(%s)", (row["pid"],))
    wait_until(lambda: not app.sql(INSTANCE_LOCKS))


def put_version(app, doc_id, version, source):
    path = f"{app.prefix}item-1/_doc/{doc_id}?version={version}&version_type=external_gte"
    app.engine_server.must("PUT", path, source)


def load_that_will_meet_a_newer_version(app):
    """A load of 50 items stopped at its gate, while the history issues a newer version and document 7 gets it.

    (gate, process, version)
    """
    gate = gated_items(app, 50, 25)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    newer = instance(app)["read_version"] + 1000
    app.sql("UPDATE esmigrate.index_instance SET read_version = %s", (newer,))
    put_version(app, 7, newer, {"title": "newer"})
    return gate, process, newer


# ---- the write alias and the version


def test_documents_are_written_through_the_write_alias_only(app):
    with through_proxy(app) as proxy:
        filled_items(app, 50)
        touch(app, 7)
        app.ok("es_update", "item")
        app.sql("DELETE FROM item WHERE id = 8")
        app.ok("es_update", "item", "--full")
        app.ok("es_clear", "item-1", "--yes", "--force")
    bulks = [path.split("?")[0] for method, path in proxy.seen if "_bulk" in path]
    assert len(bulks) >= 4
    assert set(bulks) == {f"/{app.prefix}item-1.W1/_bulk"}
    assert write_aliases(app, "item-1") == [f"{app.prefix}item-1.W1"]
    assert not [path for _, path in proxy.seen if "_delete_by_query" in path or "_update_by_query" in path]


def test_the_version_of_a_document_is_the_read_version_that_read_it(app):
    filled_items(app, 50)
    app.ok("es_update", "item", "--full")
    first = instance(app)["read_version"]
    assert set(versions(app, "item-1").values()) == {first}
    [clock] = app.sql("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now")
    assert clock["now"] - 60_000_000 < first <= clock["now"]
    touch(app, 7)
    app.ok("es_update", "item")
    second = instance(app)["read_version"]
    assert second > first
    found = versions(app, "item-1")
    assert found.pop("7") == second
    assert set(found.values()) == {first}


def test_a_clock_that_went_back_does_not_lower_the_read_version(app):
    filled_items(app, 5)
    ahead = instance(app)["read_version"] + 10**15
    app.sql("UPDATE esmigrate.index_instance SET read_version = %s", (ahead,))
    touch(app, 3)
    app.ok("es_update", "item")
    assert instance(app)["read_version"] == ahead + 1
    assert versions(app, "item-1")["3"] == ahead + 1


def test_an_index_whose_deletes_are_forgotten_late(app):
    filled_items(app, 5)
    settings = app.engine_server.must("GET", f"{app.prefix}item-1/_settings?flat_settings=true")
    assert settings[f"{app.prefix}item-1"]["settings"]["index.gc_deletes"] == "10m"


# ---- taking over


def test_a_killed_load_is_taken_over_with_the_next_epoch(app):
    gate = gated_items(app, ROWS, MIDDLE)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    process.kill()
    gate.open()
    assert (instance(app)["writer_epoch"], instance(app)["state"]) == (1, "loading")
    before = instance(app)["read_version"]
    app.ok("es_update", "item", "1")
    assert [(row["action"], row["status"]) for row in app.history()] == [
        ("create", "complete"), ("update", "interrupted"), ("update", "complete")
    ]
    assert instance(app)["writer_epoch"] == 2
    assert instance(app)["read_version"] > before
    assert write_aliases(app, "item-1") == [f"{app.prefix}item-1.W2"]
    assert app.docs("item-1") == expected_items(app)


def test_a_stopped_run_that_was_replaced_writes_nothing_when_it_goes_on(app):
    gate = gated_items(app, ROWS, MIDDLE)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    process.signal(signal.SIGSTOP)
    cut_lock(app)
    gate.open()
    touch(app, 1, ROWS)
    app.sql("DELETE FROM item WHERE id = 2")
    app.ok("es_update", "item", "1")
    after = instance(app)
    docs = app.docs("item-1")
    assert docs == expected_items(app)

    process.signal(signal.SIGCONT)
    result = process.wait()
    assert result.code not in (0, None) and result.code > 0
    assert "lock is lost" in result.err or "taken over" in result.err or "replaced" in result.err
    assert app.docs("item-1") == docs
    assert instance(app) == after
    assert [row["status"] for row in app.history()][1:] == ["interrupted", "complete"]


def test_a_request_of_a_replaced_writer_that_comes_late_is_refused_by_the_engine(app):
    """The request was on its way when its run was replaced; a document in it is gone by now."""
    gate = gated_items(app, ROWS, MIDDLE)
    app.ok("es_create", "item")
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk", when="before")
        process = app.start("es_update", "item", "1")
        held.wait()
        process.signal(signal.SIGSTOP)
        cut_lock(app)
        app.sql("DELETE FROM item WHERE id <= 100")
        app.ok("es_update", "item", "1")
        assert app.docs("item-1") == expected_items(app)
        held.release()
        assert held.answered.wait(30)
        assert app.docs("item-1") == expected_items(app)
        process.signal(signal.SIGCONT)
        assert process.wait().code not in (0, None)
    assert app.docs("item-1") == expected_items(app)
    assert gate.waiting() == 0


def test_a_fenced_writer_that_still_holds_its_lock_stops_by_the_engines_word(app):
    """The history was set to the next epoch by hand: only the engine can tell this run that it is replaced."""
    gate = gated_items(app, ROWS, MIDDLE)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    name = f"{app.prefix}item-1"
    actions = [{"add": {"index": name, "alias": f"{name}.W2"}}, {"remove": {"index": name, "alias": f"{name}.W1"}}]
    app.engine_server.must("POST", "_aliases", {"actions": actions})
    gate.open()
    result = process.wait(check=1)
    assert "taken over" in result.err
    assert app.history()[-1]["status"] == "failed"
    assert instance(app)["changed_through"] is None
    assert app.sql("SELECT doc_id FROM esmigrate.rejected_document") == []


# ---- foreign and superseded versions


def test_a_foreign_version_is_an_error_that_names_both_numbers(app):
    filled_items(app, 50)
    put_version(app, 7, FOREIGN, {"title": "foreign"})
    touch(app, 7)
    before = instance(app)["changed_through"]
    result = app.fails(1, "es_update", "item")
    issued = instance(app)["read_version"]
    assert str(FOREIGN) in result.err and str(issued) in result.err and '"7"' in result.err
    row = app.history()[-1]
    assert row["status"] == "failed" and str(FOREIGN) in row["error"]
    assert instance(app)["changed_through"] == before
    assert app.docs("item")["7"] == {"title": "foreign"}


def test_a_version_that_the_history_did_issue_is_superseded(app):
    gate, process, newer = load_that_will_meet_a_newer_version(app)
    gate.open()
    process.wait(check=0)
    row = app.history()[-1]
    assert (row["status"], row["docs_sent"], row["docs_indexed"]) == ("complete", 50, 49)
    assert row["docs_superseded"] == 1
    assert app.docs("item-1")["7"] == {"title": "newer"}


def test_a_conflict_with_a_version_issued_just_now_is_looked_up_after_it(app):
    """The newest version is asked for after the 409: the same request meets an issued one and a foreign one."""
    gate, process, newer = load_that_will_meet_a_newer_version(app)
    put_version(app, 9, newer + 1, {"title": "foreign"})
    gate.open()
    result = process.wait(check=1)
    assert str(newer + 1) in result.err and str(newer) in result.err and '"9"' in result.err
    assert instance(app)["changed_through"] is None
