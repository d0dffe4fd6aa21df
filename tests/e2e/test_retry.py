"""es_retry, --max-rejected and --allow-rejected, and what is said of rejected documents at the end of a run."""

import signal

import courses
import pytest
from faults import assert_accounted, expected_items, filled_items, instance, through_proxy, wait_until
from messages import said, transcript

pytestmark = pytest.mark.either

QUERY = (
    "SELECT d.doc_id, d.reason FROM esmigrate.rejected_document d"
    " JOIN esmigrate.index_instance i ON i.id = d.instance_id WHERE i.index_name = 'qa_item-1'"
)


def spoil(app, *ids):
    app.sql("UPDATE item SET amount = 'many', changed_at = now() WHERE id = ANY (%s)", (list(ids),))


def mend(app, *ids):
    """The source is repaired by hand, and its changed_at stays: only a retry by id finds the rows."""
    app.sql("UPDATE item SET amount = '1' WHERE id = ANY (%s)", (list(ids),))


def rejected(app):
    return {row["doc_id"]: row for row in app.sql("SELECT * FROM esmigrate.rejected_document")}


def with_rejected(app, *ids, rows=50):
    filled_items(app, rows)
    spoil(app, *ids)
    app.fails(4, "es_update", "item")


# ---- es_retry


def test_a_retry_sends_the_rejected_documents_and_nothing_else(app):
    with_rejected(app, 7, 8, 9)
    before = instance(app)
    mend(app, 7)
    app.sql("DELETE FROM item WHERE id = 8")
    app.sql("UPDATE item SET title = to_json('Changed'::text), changed_at = now() WHERE id = 1")
    [item] = app.fails(4, "es_retry", "item", "-o", "json").json
    assert (item["action"], item["status"], item["mode"], item["instance"]) == ("retry", "partial", None, 1)
    assert (item["indexed"], item["deleted"], item["rejected"], item["superseded"]) == (1, 1, 1, 0)
    assert item["rejected_types"] == [
        {"error_type": "mapper_parsing_exception", "documents": 1, "examples": ["9"]}
    ]
    assert courses.moment(item["changed_through"]) == before["changed_through"]
    row = app.history()[-1]
    assert (row["action"], row["status"], row["docs_sent"], row["mode"]) == ("retry", "partial", 3, None)
    assert (row["changed_from"], row["changed_through"]) == (None, None)
    assert row["error"] == "1 rejected document is open"
    assert_accounted(row)
    after = instance(app)
    assert after["changed_through"] == before["changed_through"]
    assert after["read_version"] > before["read_version"]
    assert list(rejected(app)) == ["9"] and rejected(app)["9"]["tries"] == 2
    docs = app.docs("item")
    assert docs["7"] == {"title": "Item 7", "amount": "1"} and "8" not in docs
    assert docs["1"]["title"] == "Item 1"  # a change that is the next update's business
    mend(app, 9)
    [item] = app.ok("es_retry", "item-1")
    assert (item["status"], item["indexed"], item["rejected_types"]) == ("complete", 1, [])
    assert rejected(app) == {}
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


def test_with_nothing_open_a_retry_says_so(app):
    filled_items(app, 3)
    result = app.run("es_retry", "item", check=0)
    said(app, result, """
        esmigrate: qa_item-1: no rejected document is open
        exit code 0
        """)
    row = app.history()[-1]
    assert (row["action"], row["status"], row["docs_sent"]) == ("retry", "complete", 0)


def test_a_dry_retry_tells_how_many_there_are(app):
    with_rejected(app, 7, 8)
    before = courses.everything(app)
    result = app.run("es_retry", "item", "-n", check=0)
    said(app, result, """
        esmigrate: qa_item-1: 2 rejected documents would be sent again
        esmigrate: dry run: nothing was changed
        exit code 0
        """)
    assert courses.everything(app) == before


def test_a_retry_is_refused_where_an_update_is(app):
    with_rejected(app, 7)
    app.fails(2, "es_retry")
    app.fails(2, "es_retry", "nothing")
    app.fails(1, "es_retry", "item", "2")
    assert app.history()[-1]["action"] == "retry" and app.history()[-1]["status"] == "failed"
    app.sql("UPDATE esmigrate.index_instance SET source_database_oid = 1")
    assert "another source database" in app.fails(1, "es_retry", "item").err
    assert list(rejected(app)) == ["7"]


def test_updates_and_retries_of_an_instance_exclude_each_other(app):
    with_rejected(app, 7)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk")
        process = app.start("es_retry", "item")
        held.wait()
        app.fails(7, "es_update", "item")
        held.release()
        process.wait(check=4)


def test_a_killed_retry_is_fenced_and_done_again(app):
    with_rejected(app, 7)
    epoch = instance(app)["writer_epoch"]
    mend(app, 7)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk", "before")
        process = app.start("es_retry", "item")
        held.wait()
        process.kill()
    app.ok("es_retry", "item")
    assert [row["status"] for row in app.history()[-2:]] == ["interrupted", "complete"]
    assert instance(app)["writer_epoch"] == epoch + 1
    assert app.docs("item") == expected_items(app)


def test_a_stopped_retry_names_itself(app):
    with_rejected(app, 7)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk")
        process = app.start("es_retry", "item")
        held.wait()
        process.signal(signal.SIGINT)
        wait_until(lambda: "finishing" in process.err)
        held.release()
        result = process.wait(check=130)
    assert "HINT: What was accepted stays. To go on: esmigrate es_retry item-1\n" in result.err
    row = app.history()[-1]
    assert (row["status"], row["docs_rejected"]) == ("interrupted", 1)
    assert list(rejected(app)) == ["7"]


# ---- the limits


def test_max_rejected_stops_the_run_and_allow_rejected_does_not(app):
    filled_items(app, 50)
    spoil(app, 7, 8, 9, 10)
    before = instance(app)["changed_through"]
    transcript(app, f"""
        $ esmigrate es_update item --max-rejected 3 --allow-rejected 100
        esmigrate: qa_item-1 has no changed.sql: rows that are gone are found by --full only
        esmigrate: error: index "qa_item-1": stopped, since 4 documents were rejected, and --max-rejected or "max_rejected" in master.json allows 3
        DETAIL: mapper_parsing_exception: 4 documents, for example "7", "8", "9"
        HINT: Mend the source or the mapping, then run the same command again. See why: {QUERY}
        exit code 1
        """)
    row = app.history()[-1]
    assert (row["status"], row["docs_rejected"], instance(app)["changed_through"]) == ("failed", 4, before)
    assert len(rejected(app)) == 4
    app.fails(1, "es_retry", "item", "--max-rejected", "0")
    app.fails(4, "es_retry", "item", "--max-rejected", "4")
    app.declare("item", master={"max_rejected": 3})
    app.fails(1, "es_update", "item")
    assert instance(app)["changed_through"] == before
    app.ok("es_update", "item", "--max-rejected", "4", "--allow-rejected", "4")
    assert instance(app)["changed_through"] > before


@pytest.mark.parametrize("value", ['"many"', "-1", "1.5", "null"])
def test_a_max_rejected_that_is_no_number_is_refused(app, value):
    courses.declare(app, master='{"max_rejected": %s}' % value)
    app.ok("es_init")
    assert '"max_rejected" must be a number of documents' in app.fails(2, "es_create", courses.MASTER).err


def test_the_first_thousand_that_are_all_refused_stop_the_run(app):
    filled_items(app, 1)
    app.sql(
        "INSERT INTO item SELECT n, to_json(repeat('word ', 1000)), 'many', now() FROM generate_series(2, 5000) n"
    )
    app.sql("DELETE FROM item WHERE id = 1")
    result = app.fails(1, "es_update", "item")
    assert "documents were refused" in result.err
    assert 1000 <= app.history()[-1]["docs_rejected"] < 4999


# ---- what is said


def test_the_types_are_summed_up_with_examples_of_each_instance(app):
    filled_items(app, 50, master={"max_document_bytes": 5000})
    app.ok("es_create", "item", "--force")
    app.ok("es_update", "item", "2")
    spoil(app, 7, 8, 9, 10)
    app.sql("UPDATE item SET title = to_json(repeat('x', 6000)), changed_at = now() WHERE id = 11")
    result = app.fails(4, "es_update", "item-1", "item-2")
    summary = 'mapper_parsing_exception: 4 documents, for example "7", "8", "9"; document_too_large: 1 document, "11"'
    lines = result.err.splitlines()
    assert sum(f"{summary}. The latest: " in line for line in lines) == 2
    assert sum('-2": 5 rejected documents are open' in line for line in lines) == 1
    [_, first, _] = app.history()[-3:]
    assert first["status"] == "partial"
    for item in app.fails(4, "es_update", "item-1", "item-2", "-o", "json").json:
        assert item["rejected_types"] == [
            {"error_type": "mapper_parsing_exception", "documents": 4, "examples": ["7", "8", "9"]},
            {"error_type": "document_too_large", "documents": 1, "examples": ["11"]},
        ]


def test_tolerated_documents_are_told_all_the_same(app):
    filled_items(app, 50)
    spoil(app, 7)
    result = app.run("es_update", "item", "--allow-rejected", "1", check=0)
    assert 'warning: index "' in result.err
    assert "1 rejected document is open, no more than --allow-rejected tolerates" in result.err
    assert '_id "7": mapper_parsing_exception: ' in result.err
