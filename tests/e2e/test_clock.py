"""Rule R1 e, and R3's read version: clocks that are set back, of the source, of the history, of the machine that runs
esmigrate (libfaketime)."""

import contextlib
import glob
import os
import re
import subprocess
import time

import pytest

from faults import ITEM_DOCUMENTS, ITEM_INDEX, wait_until
from messages import said
from replicas import home_of
from test_horizon import NO_OVERLAP, changed_through, postgres_program
from wire import through_wire

pytestmark = pytest.mark.either

[LIBFAKETIME] = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
FAKED = {
    "LD_PRELOAD": LIBFAKETIME,
    "FAKETIME": "-2h",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    # A sanitizer wants to be loaded first.
    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
}


def restart_faked(server, monkeypatch, **settings):
    server.stop()
    with monkeypatch.context() as patch:
        patch.setenv("ESMIGRATE_SERVER_PRELOAD", LIBFAKETIME)
        patch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        for name, value in settings.items():
            patch.setenv(name, value)
        server.start()


def set_back(server, monkeypatch):
    """The clock of the server's machine, by two hours, while it is down."""
    restart_faked(server, monkeypatch, FAKETIME="-2h")


def set_back_by_file(source, monkeypatch, by):
    """The same; what the clock is ahead by can be written to the file that is returned."""
    offset = home_of(source) / "offset"
    offset.write_text(f"{by}\n")
    restart_faked(source, monkeypatch, FAKETIME_TIMESTAMP_FILE=str(offset), FAKETIME_NO_CACHE="1")
    return offset


def item_table(source):
    """The table item of declare_items(), in the database postgres of a source of its own."""
    source.execute("CREATE TABLE item (id bigint PRIMARY KEY, title json, amount text, changed_at timestamptz NOT NULL)")
    source.execute(
        "INSERT INTO item SELECT n, to_json('Item ' || n), n, now() - interval '1 day' FROM generate_series(1, 5) n"
    )


def change(source, doc_id, title):
    with source.connect() as connection:
        connection.execute(
            "UPDATE item SET title = to_json(%s::text), changed_at = now() WHERE id = %s", (title, doc_id)
        )


def postgres_tool(name, *arguments):
    subprocess.run([postgres_program(name), *arguments], check=True)


def titles(app):
    return {key: document["title"] for key, document in app.docs("item-1").items()}


def read_version(app):
    with contextlib.closing(app.connect()) as connection:
        return connection.execute("SELECT read_version FROM esmigrate.index_instance").fetchone()["read_version"]


@pytest.fixture
def source(private_postgres):
    return private_postgres("--durable")


@pytest.fixture
def app(make_app, source):
    """Filled from a source on a server of its own."""
    app = make_app()
    item_table(source)
    app.env["ESMIGRATE_SOURCE"] = source.address
    app.declare("item", index=ITEM_INDEX, documents=ITEM_DOCUMENTS, master=NO_OVERLAP)
    app.ok("es_init")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    return app


def test_a_source_whose_clock_was_set_back_needs_a_full_update(app, source, monkeypatch):
    before = changed_through(app)
    set_back(source, monkeypatch)
    change(source, 3, "Stamped before")
    for options in [], ["--since", "2001-01-01T00:00:00Z"]:
        result = app.run("es_update", "item", "1", "-q", *options)
        said(app, result, """
            esmigrate: error: index "qa_item-1": the source's clock went back behind TIME
            HINT: Changes stamped meanwhile would be missed. Set the clock right, then: esmigrate es_update item-1 --full
            exit code 1
        """)
    assert changed_through(app) == before and titles(app)["3"] == "Item 3"
    app.ok("es_update", "item", "1", "--full")
    assert changed_through(app) < before and titles(app)["3"] == "Stamped before"
    change(source, 4, "After")
    [item] = app.ok("es_update", "item", "1")
    assert item["mode"] == "changed" and titles(app)["4"] == "After"


def test_a_source_whose_clock_was_set_back_and_has_caught_up_is_warned_of(app, source, monkeypatch):
    mark = changed_through(app)
    offset = set_back_by_file(source, monkeypatch, "-1h")
    change(source, 3, "Stamped before")
    offset.write_text("-6s\n")
    with source.connect() as connection:
        wait_until(lambda: connection.execute("SELECT now() > %s AS is_past", (mark,)).fetchone()["is_past"])
    result = app.run("es_update", "item", "1", "-q")
    assert titles(app)["3"] == "Item 3", "nothing is lost, so that there is nothing to warn of"
    result.err = re.sub(r"\b00:00:0[4-6]\b", "INTERVAL", result.err)
    said(app, result, """
        esmigrate: warning: qa_item-1: the source's clock was set back by about INTERVAL since the last update: changes stamped before that time again may be missed until es_update item-1 --full
        exit code 0
    """)
    app.ok("es_update", "item", "1", "--full")
    assert titles(app)["3"] == "Stamped before"
    assert "clock" not in app.run("es_update", "item", "1", check=0).err


def test_an_answer_that_takes_long_is_no_clock_that_was_set_back(app):
    app.ok("es_update", "item", "1")
    with through_wire(app, "ESMIGRATE_SOURCE") as wire:
        held = wire.hold("taken_at")
        process = app.start("es_update", "item", "1", "-q")
        held.wait()
        time.sleep(2)
        held.release()
        assert process.wait(check=0).err == ""


def test_what_was_found_before_the_clock_was_set_back_counts_no_more(app, source, monkeypatch):
    """The role sees no times, a transaction is open, and another run has found a horizon that is in the future now."""
    source.execute("CREATE ROLE plain LOGIN")
    source.execute("GRANT SELECT ON item TO plain")
    app.env["ESMIGRATE_SOURCE"] = source.address.replace("user=postgres", "user=plain")
    app.ok("es_update", "item", "1")
    set_back(source, monkeypatch)
    with contextlib.closing(source.connect()) as late:
        late.execute("BEGIN")
        late.execute("UPDATE item SET title = '\"Late\"', changed_at = now() WHERE id = 3")
        app.ok("es_update", "item", "1", "--full")
        assert changed_through(app) is None
        late.execute("COMMIT")
    for _ in range(2):
        app.ok("es_update", "item", "1")
    assert titles(app)["3"] == "Late"
    assert changed_through(app) is not None


def test_the_read_version_grows_when_the_historys_clock_is_set_back(private_postgres, make_app, source, monkeypatch):
    app = make_app(postgres=private_postgres("--durable"))
    item_table(source)
    app.env["ESMIGRATE_SOURCE"] = source.address
    app.declare("item", index=ITEM_INDEX, documents=ITEM_DOCUMENTS, master=NO_OVERLAP)
    app.ok("es_init")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    before = read_version(app)
    set_back(app.postgres, monkeypatch)
    for title in "One", "Two":
        change(source, 3, title)
        [item] = app.ok("es_update", "item", "1")
        assert item["superseded"] == 0 and titles(app)["3"] == title
    assert read_version(app) == before + 2
    app.ok("es_update", "item", "1", "--full")


def test_the_clock_of_the_machine_that_runs_esmigrate_does_not_matter(app, source):
    app.env |= FAKED
    change(source, 3, "Changed")
    [item] = app.ok("es_update", "item", "1")
    assert item["superseded"] == 0 and titles(app)["3"] == "Changed"
    app.ok("es_update", "item", "1", "--full")


def test_a_history_that_was_restored_from_an_older_dump_reads_again(app, source, tmp_path):
    dump = tmp_path / "history.sql"
    postgres_tool("pg_dump", "-d", app.conninfo, "-n", "esmigrate", "-f", dump)
    change(source, 3, "After the dump")
    for _ in range(3):
        app.ok("es_update", "item", "1")
    app.sql("DROP SCHEMA esmigrate CASCADE")
    postgres_tool("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", app.conninfo, "-f", dump, "-o", "/dev/null")
    change(source, 4, "After the restore")
    app.ok("es_update", "item", "1")
    assert titles(app)["3"] == "After the dump" and titles(app)["4"] == "After the restore"


def test_a_transaction_that_holds_changed_through_back_for_long_is_named(app, source, monkeypatch):
    """Rule R1 g; a clock that goes on by sixteen minutes is quicker than sixteen minutes."""
    offset = set_back_by_file(source, monkeypatch, "+0")
    with contextlib.closing(source.connect(application_name="late_writer")) as late:
        late.execute("BEGIN")
        for minutes, warning in (14, ""), (16, """
            esmigrate: warning: horizon TIME (statistics): the oldest transaction of the source runs since TIME (pid PID, late_writer)"""):
            offset.write_text(f"+{minutes}m\n")
            said(app, app.run("es_update", "item", "1", "-q"), f"""{warning}
            exit code 0
            """)
