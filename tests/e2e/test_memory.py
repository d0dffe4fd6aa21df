"""Rule R9: memory is bounded, whatever the number or the size of rows."""

import os
import pathlib
import re
import time

import pytest

from faults import declare_items, wait_until
from harness import BINARY

pytestmark = pytest.mark.either

# A sanitizer keeps freed memory back (256 MB of it) and shadows the rest.
SANITIZED = b"__asan_init" in BINARY.read_bytes()
BOUND_MB = 1000 if SANITIZED else 100
MARGIN_MB = 400 if SANITIZED else 10


def high_water(pid):
    """Peak resident memory so far in MB, 0 once the process is gone.

    Not ru_maxrss, which counts what Python held between fork and exec, too.
    """
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0


def peak_of(app, *args):
    """(exit code, peak resident memory in MB) of one run."""
    process = app.start(*args)
    # Of the first instants after the fork it would be Python's.
    wait_until(lambda: not process.running or os.readlink(f"/proc/{process.pid}/exe") == str(BINARY))
    peak = 0
    while process.running:
        peak = max(peak, high_water(process.pid))
        time.sleep(0.005)
    assert peak > 0
    return process.wait().code, peak


def declare_generated(app, name, rows, words, **files):
    documents = f"SELECT n AS _id, repeat('text ', {words}) || n AS t FROM generate_series(1, {rows}) n"
    index = {"mappings": {"properties": {"t": {"type": "keyword", "index": False, "doc_values": False}}}}
    app.declare(name, index=index, documents=documents, **files)


def test_the_memory_of_a_load_does_not_grow_with_the_number_of_rows(app):
    # The few are larger, so that either load fills all requests that may be in flight.
    declare_generated(app, "few", 20_000, words=230)
    declare_generated(app, "many", 400_000, words=20)
    app.ok("es_init")
    app.ok("es_create", "--all")
    peaks = {}
    for name in "few", "many":
        code, peaks[name] = peak_of(app, "es_update", name, "1")
        assert code == 0
    print(f"peak memory in MB: {peaks}")
    assert app.history()[-1]["docs_indexed"] == 400_000
    assert peaks["many"] < BOUND_MB
    assert peaks["many"] < peaks["few"] * 1.2 + MARGIN_MB


def test_large_documents_take_as_much_memory_as_is_configured(app):
    """Five times the largest document, and the request in flight with the one that is got ready."""
    declare_generated(app, "large", 12, words=1_000_000)
    app.ok("es_init")
    app.ok("es_create", "large")
    code, peak = peak_of(app, "es_update", "large", "1", "--max-in-flight", "1")
    print(f"peak memory in MB: {peak}")
    assert (code, app.history()[-1]["docs_indexed"]) == (0, 12)
    assert peak < (900 if SANITIZED else 20) + 5 * 5 + 2 * 5.3


@pytest.mark.soak
def test_documents_of_50_mb_are_indexed(private_engine, make_app):
    app = make_app(engine=private_engine("--heap", "2g"))
    declare_generated(app, "huge", 8, words=10_000_000, master={"max_document_bytes": 60_000_000})
    app.ok("es_init")
    app.ok("es_create", "huge")
    code, peak = peak_of(app, "es_update", "huge", "1")
    print(f"peak memory in MB: {peak}")
    assert (code, app.history()[-1]["docs_indexed"]) == (0, 8)
    assert peak < (900 if SANITIZED else 20) + 5 * 50 + 2 * 5.3


def test_rows_over_the_limit_do_not_reach_the_program(app):
    declare_items(app, 20)
    app.sql("UPDATE item SET title = to_json(repeat('text ', 12000000)) WHERE id IN (5, 6)")
    app.ok("es_create", "item")
    code, peak = peak_of(app, "es_update", "item", "1")
    print(f"peak memory in MB: {peak}")
    assert code == 4
    assert peak < BOUND_MB
    rows = app.sql("SELECT doc_id FROM esmigrate.rejected_document ORDER BY doc_id")
    assert [row["doc_id"] for row in rows] == ["5", "6"]


# ---- what changed.sql names


def changed_things(app, key, changed="SELECT id AS _id FROM thing WHERE at >= $1", index=None):
    """Masters few and many, up to date with an empty table; then 20,000 large and `many` small rows changed."""
    app.sql("CREATE TABLE thing (master text, id int, t text, at timestamptz DEFAULT now(), PRIMARY KEY (id, master))")
    app.ok("es_init")
    for name in "few", "many":
        app.declare(
            name,
            index=index or {"mappings": {"properties": {"t": {"type": "keyword", "index": False}}}},
            documents=f"SELECT {key} AS _id, t FROM thing WHERE master = '{name}'",
            changed=changed.replace("WHERE", f"WHERE master = '{name}' AND"),
        )
        app.ok("es_create", name)
        app.ok("es_update", name, "1")


def peaks_of(app, few, many):
    """Peak memory of the updates of both: documents of the few are larger, so that either fills all requests."""
    peaks = {}
    for name, rows, words in (("few", few, 230), ("many", many, 20)):
        app.sql(f"INSERT INTO thing SELECT '{name}', n, repeat('text ', {words}) || n FROM generate_series(1, {rows}) n")
    app.sql("VACUUM ANALYZE thing")
    for name, rows in (("few", few), ("many", many)):
        code, peaks[name] = peak_of(app, "es_update", name, "1")
        row = app.history()[-1]
        assert (code, row["mode"], row["docs_indexed"]) == (0, "changed", rows)
    print(f"peak memory in MB: {peaks}")
    assert peaks["many"] < BOUND_MB
    assert peaks["many"] < peaks["few"] * 1.2 + MARGIN_MB


def test_memory_does_not_grow_with_the_number_of_ids_that_are_read_in_batches(app):
    changed_things(app, "id")
    peaks_of(app, 20_000, 120_000)


def test_memory_does_not_grow_with_the_number_of_ids_that_are_read_in_one_pass(app):
    changed_things(app, "id::text")
    peaks_of(app, 20_000, 120_000)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_million_ids_that_changed_sql_names(app):
    app.sql("CREATE TABLE big (id bigint PRIMARY KEY, n int, changed_at timestamptz NOT NULL)")
    app.sql("INSERT INTO big SELECT n, 0, now() - interval '1 hour' FROM generate_series(1, 1100000) n")
    app.sql("CREATE INDEX ON big (changed_at)")
    app.sql("ANALYZE big")
    app.declare("big", index={}, documents="SELECT id AS _id, changed_at AS _changed_at, n FROM big",
                changed="SELECT id AS _id FROM big WHERE changed_at >= $1")
    app.ok("es_init")
    app.ok("es_create", "big")
    app.run("es_update", "big", "1", check=0, timeout=600)
    app.sql("UPDATE big SET n = 1, changed_at = now() WHERE id <= 1000000")
    began = time.monotonic()
    code, peak = peak_of(app, "es_update", "big", "1")
    print(f"{time.monotonic() - began:.0f} s, peak memory in MB: {peak}")
    assert (code, app.history()[-1]["docs_indexed"]) == (0, 1_000_000)
    assert peak < BOUND_MB
    found = app.engine_server.must("GET", f"{app.full_name('big-1')}/_count?q=n:1")
    assert found["count"] == 1_000_000
    app.run("es_verify", "big-1", check=0, timeout=600)


def test_rows_over_the_limit_do_not_reach_the_program_in_a_pass(app):
    changed_things(app, "id::text")
    app.sql("INSERT INTO thing SELECT 'few', n, 'text' FROM generate_series(1, 3000) n")
    app.sql("INSERT INTO thing SELECT 'few', n, repeat('text ', 12000000) FROM generate_series(3001, 3002) n")
    code, peak = peak_of(app, "es_update", "few", "1")
    print(f"peak memory in MB: {peak}")
    row = app.history()[-1]
    assert (code, row["docs_indexed"], row["docs_rejected"]) == (4, 3000, 2)
    assert peak < BOUND_MB


def test_long_ids_take_no_more_memory(app):
    """8,000 characters each: none of them can be in the index."""
    declare_items(app, 1, changed="SELECT n || repeat('x', 8000) AS _id FROM generate_series(1, 20000) n",
                  documents="SELECT id::text AS _id, title, amount FROM item")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    code, peak = peak_of(app, "es_update", "item", "1")
    print(f"peak memory in MB: {peak}")
    assert (code, app.history()[-1]["docs_deleted"]) == (0, 20_000)
    assert peak < BOUND_MB


def test_rejected_ids_take_bounded_memory(app):
    """As many as may be open, of the longest ids, are read again."""
    declare_items(app, 1, documents="SELECT id || repeat('x', 500) AS _id, title, amount, changed_at AS _changed_at FROM item")
    app.sql(
        "INSERT INTO item SELECT n, to_json('text'::text), CASE WHEN n % 2 = 0 THEN 'bad' ELSE '1' END, now() - interval"
        " '1 hour' FROM generate_series(2, 20000) n"
    )
    app.ok("es_create", "item")
    app.run("es_update", "item", "1", check=4)
    code, peak = peak_of(app, "es_update", "item", "1")
    print(f"peak memory in MB: {peak}")
    assert (code, app.history()[-1]["docs_rejected"]) == (4, 10_000)
    assert peak < BOUND_MB
