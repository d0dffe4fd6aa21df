"""A full update read by several workers: by sessions of one process (--workers)."""

import threading

import pytest

import soak
import test_random_kills as kills
from faults import assert_accounted, declare_items, expected_items, instance, wait_until
from test_resume import RANGES, ROWS, SPLIT, declare_split, finished, last

SNAPSHOT = "SELECT id AS _id, changed_at AS _changed_at, pg_current_snapshot()::text AS title FROM item"


def test_many_workers_fill_the_same_index_as_one_while_others_write(app):
    kills.declare(app)
    app.ok("es_create", "item")
    with kills.Writers(app, 1) as writers:
        [item] = app.ok("es_update", "item", "1", "--workers", "3")
        with writers.paused():
            app.ok("es_update", "item", "1", "--full", "--workers", "16")
            assert soak.differences(app.docs("item-1"), expected_items(app)) == 0
        app.ok("es_update", "item", "1")
    app.ok("es_update", "item", "1")
    assert soak.differences(app.docs("item-1"), expected_items(app)) == 0
    assert item["indexed"] >= kills.ROWS * 9 // 10
    for row in app.history():
        assert_accounted(row)


def test_workers_read_ranges_at_the_same_time(app):
    """While one of them stands at the gate the others read all the rest."""
    gate = declare_split(app)
    gate.close()
    process = app.start("es_update", "item", "1", "--workers", "3")
    gate.wait()
    app.sql("UPDATE item SET title = to_json('Late'::text), changed_at = now()")
    wait_until(lambda: finished(app) == RANGES - 1)
    gate.open()
    process.wait(check=0)
    assert {document["title"] for document in app.docs("item-1").values()} == {f"Item {n + 1}" for n in range(ROWS)}
    ranges = app.sql("SELECT docs_indexed FROM esmigrate.load_range")
    assert sum(row["docs_indexed"] for row in ranges) == ROWS == last(app)["docs_indexed"]
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_workers_read_in_one_snapshot(app):
    declare_items(app, ROWS, documents=SNAPSHOT, master=SPLIT)
    app.sql("ANALYZE item")
    app.ok("es_create", "item")
    ended = threading.Event()

    def begin_transactions():
        with app.connect() as connection:
            while not ended.is_set():
                connection.execute("SELECT pg_current_xact_id()")

    thread = threading.Thread(target=begin_transactions)
    thread.start()
    try:
        app.ok("es_update", "item", "1", "--workers", "8")
    finally:
        ended.set()
        thread.join()
    documents = app.docs("item-1")
    assert len(documents) == ROWS
    assert len({document["title"] for document in documents.values()}) == 1


def test_a_load_by_many_workers_that_was_killed_goes_on(app):
    gate = declare_split(app)
    gate.close()
    process = app.start("es_update", "item", "1", "--workers", "4")
    gate.wait()
    wait_until(lambda: finished(app) == RANGES - 1)
    process.kill()
    gate.open()
    [item] = app.ok("es_update", "item", "1", "--workers", "4")
    assert 0 < item["indexed"] < ROWS // 2
    assert app.docs("item-1") == expected_items(app)
    assert instance(app)["state"] == "ready"


def test_what_has_no_ranges_for_all_workers_is_read_by_fewer_and_v_says_so(app):
    declare_split(app, rows=1000)
    result = app.run("es_update", "item", "1", "--workers", "8", "-v", check=0)
    assert "item-1: read by 2 workers, since there are no more ranges" in result.err
    assert app.docs("item-1") == expected_items(app)


@pytest.mark.parametrize("number", ["0", "17"])
def test_a_number_of_workers_that_is_not_possible_is_refused(app, number):
    result = app.fails(2, "es_update", "item", "--workers", number)
    assert "option --workers takes 1 to 16" in result.err
