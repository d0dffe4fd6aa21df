"""Rule R9: memory is bounded, whatever the number or the size of rows."""

import os
import pathlib
import re
import time

from faults import declare_items, wait_until
from harness import BINARY

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


def declare_generated(app, name, rows, words):
    documents = f"SELECT n AS _id, repeat('text ', {words}) || n AS t FROM generate_series(1, {rows}) n"
    index = {"mappings": {"properties": {"t": {"type": "keyword", "index": False}}}}
    app.declare(name, index=index, documents=documents)


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


def test_ids_that_changed_are_read_in_bounded_memory(app):
    changed = "SELECT n AS _id FROM generate_series(1, 60000) n WHERE $1::timestamptz < now()"
    declare_items(app, 60_000, changed=changed)
    app.sql("UPDATE item SET title = to_json('x'::text)")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    code, peak = peak_of(app, "es_update", "item", "1")
    print(f"peak memory in MB: {peak}")
    row = app.history()[-1]
    assert (code, row["mode"], row["docs_indexed"]) == (0, "changed", 60_000)
    assert peak < BOUND_MB
