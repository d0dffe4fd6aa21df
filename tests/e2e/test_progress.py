"""How far an update is: on a terminal, in a pipe, and in the history, where others see it."""

import contextlib
import datetime
import os
import re
import signal
import threading
import time

import pytest

import courses
import wire
from faults import declare_items, filled_items, gated_items, through_proxy, wait_until

pytestmark = pytest.mark.either

ROWS = 12000  # of a kilobyte each
# The planner takes a third of the rows for what the gate lets through; so many are done before it stops the reading.
GATE, ESTIMATE = 3000, ROWS // 3
LINE = re.compile(
    r"(?P<index>\S+)  (?:(?P<percent>\d+) %  )?(?P<done>[\d,]+)(?:/(?P<about>~?)(?P<total>[\d,]+))? documents  "
    r"(?P<rate>[\d,]+)/s  [\d.]+ MB/s  (?P<flight>\d+) in flight  (?P<retries>[\d,]+) retries  "
    r"(?P<rejected>[\d,]+) rejected(?:  ETA .+)?"
)


def frames(shown):
    """What stood on the line one after the other: it is redrawn by a return and a clearing of the line."""
    return [frame for frame in re.split(r"\r\x1b\[K", shown) if frame]


@contextlib.contextmanager
def stopped_at_row(app, at=GATE, rows=ROWS, master=None, **files):
    """item-1, whose first update stops before that row until the gate is opened; analyzed. Requests are small."""
    gate = gated_items(app, rows, at, master={"batch_bytes": 500000, **(master or {})}, **files)
    app.sql("ANALYZE item")
    app.ok("es_create", "item")
    gate.close()
    try:
        yield gate
    finally:
        gate.close()
        gate.open()


def progress_rows(app):
    return app.sql("SELECT * FROM esmigrate.action_progress")


def wait_until_stopped(app, gate):
    """The update has written its progress after it has reached the gate, and been there for some frames."""
    gate.wait()
    began = app.sql("SELECT now() AS now")[0]["now"]
    wait_until(lambda: any(row["written_at"] > began + datetime.timedelta(seconds=2) for row in progress_rows(app)))


def on_terminal_meanwhile(app, what, *words, columns):
    """app.terminal(), with something done while it runs."""
    failed = []

    def do():
        try:
            what()
        except Exception as error:  # to be told in the test's own thread
            failed.append(error)

    thread = threading.Thread(target=do)
    thread.start()
    try:
        ended = app.terminal(*words, columns=columns)
    finally:
        thread.join()
    assert not failed, failed
    return ended


def shown_on_terminal(app, *words, columns=160, term="xterm"):
    """What a terminal shows of the first update, which stops at the gate for some frames."""
    app.env["TERM"] = term
    with stopped_at_row(app) as gate:
        def let_go():
            wait_until_stopped(app, gate)
            gate.open()

        code, shown = on_terminal_meanwhile(app, let_go, "es_update", "item", "1", *words, columns=columns)
    assert code == 0
    return shown


# ---- the terminal


def test_a_terminal_has_one_line_that_is_redrawn_and_taken_away(app):
    shown = shown_on_terminal(app)
    drawn = [LINE.fullmatch(frame.split("\n")[-1]) for frame in frames(shown)]
    stopped = [match for match in drawn if match and match["total"]]
    assert len(stopped) >= 2, shown
    assert all(match["index"] == app.full_name("item-1") and match["about"] == "~" for match in stopped)
    assert all(abs(int(match["total"].replace(",", "")) - ESTIMATE) < ESTIMATE / 5 for match in stopped)
    at_gate = [match for match in stopped if 0 < int(match["done"].replace(",", "")) < GATE]
    assert at_gate and int(at_gate[-1]["percent"]) in range(30, 90)
    last = shown.rsplit("\r\x1b[K", 1)[1]
    assert last.startswith("index "), "the table does not begin on a clean line"


@pytest.mark.parametrize("columns", [40, 80])
def test_no_frame_is_wider_than_the_terminal(app, columns):
    shown = shown_on_terminal(app, columns=columns)
    index = app.full_name("item-1")
    drawn = [frame.split("\n")[-1] for frame in frames(shown)]
    drawn = [frame for frame in drawn if frame.startswith(index + "  ")]
    assert len(drawn) >= 2 and max(map(len, drawn)) < columns


@pytest.mark.parametrize(
    "words, term", [(["--progress", "never"], "xterm"), (["-q"], "xterm"), ([], "dumb")], ids=["never", "quiet", "dumb"]
)
def test_a_terminal_that_is_not_to_be_redrawn_is_not(app, words, term):
    shown = shown_on_terminal(app, *words, term=term)
    assert "\x1b" not in shown and " in flight" not in shown


def test_what_is_said_meanwhile_has_a_line_of_its_own(app):
    app.env["TERM"] = "xterm"
    with stopped_at_row(app) as gate:
        def interrupt():
            wait_until_stopped(app, gate)
            [row] = app.sql("SELECT pid FROM esmigrate.index_action WHERE status = 'running'")
            os.kill(row["pid"], signal.SIGINT)

        code, shown = on_terminal_meanwhile(app, interrupt, "es_update", "item", "1", columns=160)
    assert code == 130
    assert "\r\x1b[K" in shown
    said = [line for line in shown.replace("\r\x1b[K", "\n").splitlines() if "esmigrate: " in line]
    assert len(said) >= 2 and all(line.startswith("esmigrate: ") for line in said), shown


# ---- a pipe


def test_a_pipe_gets_a_plain_line_every_ten_seconds(app):
    with stopped_at_row(app) as gate:
        process = app.start("es_update", "item", "1", "-o", "json")
        wait_until(lambda: " in flight" in process.err)
        gate.open()
        result = process.wait(check=0)
    lines = [line for line in result.err.splitlines() if " in flight" in line]
    assert 1 <= len(lines) <= result.seconds / 9.5
    waiting = re.search(r"  waiting for the source, \d+ s", lines[0])
    assert waiting, lines
    assert LINE.fullmatch(lines[0].removeprefix("esmigrate: ").replace(waiting[0], "")), lines
    assert "\r" not in result.err and "\x1b" not in result.err
    assert result.json[0]["indexed"] == ROWS
    assert result.seconds > 9.5


def test_always_redraws_in_a_pipe_too_even_when_quiet(app):
    with stopped_at_row(app) as gate:
        process = app.start("es_update", "item", "1", "-q", "--progress", "always")
        wait_until(lambda: " documents" in process.err)
        gate.open()
        result = process.wait(check=0)
    assert "\r\x1b[K" in result.err and "esmigrate: " not in result.err


@pytest.mark.parametrize("command", ["es_deploy", "es_activate", "es_rollback"])
def test_a_command_that_switches_shows_its_update(app, command):
    with stopped_at_row(app) as gate:
        if command != "es_deploy":
            gate.open()
            app.ok("es_update", "item", "1")
            app.ok("es_activate", "item")
            app.ok("es_create", "item", "--force")
            app.ok("es_update", "item", "2")
            app.ok("es_activate", "item")
            app.sql("UPDATE item SET changed_at = now()")
            gate.close()
        process = app.start(command, "item", *(["1"] if command == "es_activate" else []), "-q", "--progress", "always")
        wait_until(lambda: " documents" in process.err)
        gate.open()
        result = process.wait(check=0)
    assert "\r\x1b[K" in result.err and "esmigrate: " not in result.err


def test_what_takes_a_moment_shows_nothing(app):
    filled_items(app, 5)
    result = app.run("es_update", "item", "--full", "--progress", "always", check=0)
    took_a_moment = result.seconds < 1  # a machine may stand still
    assert not took_a_moment or ("\r" not in result.err and " in flight" not in result.err)
    assert progress_rows(app) == []


# ---- totals


def test_count_counts_first(app):
    with stopped_at_row(app, at=ROWS) as gate:
        app.sql("DELETE FROM item WHERE id <= 2000")  # which the planner does not know yet
        gate.open()
        result = app.run("es_update", "item", "1", "--count", check=0)
        assert f"{app.full_name('item-1')}: 10,000 documents to read" in result.err
        gate.close()
        process = app.start("es_update", "item", "1", "--full", "--count")
        # The counting itself stops at the gate; then the reading does.
        wait_until(lambda: progress_rows(app))
        assert progress_rows(app)[0]["phase"] == "prepare"
        gate.open()
        process.wait(check=0)


def test_the_ids_that_changed_sql_names_are_the_total(app):
    changed = "SELECT id AS _id FROM item WHERE changed_at >= $1"
    with stopped_at_row(app, at=700, rows=1000, changed=changed) as gate:
        gate.open()
        app.ok("es_update", "item", "1")
        app.sql("UPDATE item SET changed_at = now() WHERE id BETWEEN 601 AND 900")
        gate.close()
        process = app.start("es_update", "item", "1", "--progress", "always")
        wait_until(lambda: any(row["documents_total"] is not None for row in progress_rows(app)))
        [row] = progress_rows(app)
        gate.open()
        process.wait(check=0)
    assert row["documents_total"] == 300 and row["is_estimate"] is False


def test_a_resumed_update_counts_what_was_done_before(app):
    with stopped_at_row(app, at=ROWS - 1000, master={"range_documents": ESTIMATE // 10}) as gate:
        process = app.start("es_update", "item", "1")
        gate.wait()
        finished = "SELECT count(*) AS n FROM esmigrate.load_range WHERE finished_at IS NOT NULL"
        wait_until(lambda: app.sql(finished)[0]["n"] >= 2)
        process.kill()
        [before] = app.sql("SELECT sum(docs_indexed) AS n FROM esmigrate.load_range")
        process = app.start("es_update", "item", "1")
        of_it = ("SELECT p.* FROM esmigrate.action_progress p JOIN esmigrate.index_action a ON a.id = p.action_id"
                 " WHERE p.phase = 'load' AND a.pid = %s")
        wait_until(lambda: app.sql(of_it, (process.pid,)))
        [row] = app.sql(of_it, (process.pid,))
        gate.open()
        process.wait(check=0)
    assert row["documents_done"] >= before["n"] >= 2000


# ---- who is waited for


def waits(process, words, seconds):
    """A line says that it waits for so long, or longer: a machine that stands still leaves seconds out."""
    return any(int(found) >= seconds for found in re.findall(words + r"(\d+) s", process.err))


def test_an_engine_that_does_not_answer_is_named(app):
    filled_items(app, 50)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", r"_bulk")
        process = app.start("es_update", "item", "--full", "--progress", "always")
        held.wait()
        wait_until(lambda: waits(process, "no answer for ", 4))
        [row] = wait_until(lambda: [row for row in progress_rows(app) if row["in_flight"]])
        held.release()
        process.wait(check=0)
    assert (row["in_flight"], row["docs_per_second"], row["documents_done"]) == (1, 0, 0)


def test_a_source_that_returns_nothing_is_named(app):
    with stopped_at_row(app, at=1, rows=10) as gate:
        process = app.start("es_update", "item", "1", "--progress", "always")
        wait_until(lambda: waits(process, "waiting for the source, ", 4))
        gate.open()
        process.wait(check=0)


@pytest.mark.parametrize(
    "method, path, words, phase",
    [("POST", r"_refresh$", "refresh, ", "refresh"), ("PUT", r"_settings", "restoring settings, ", "restore")],
)
def test_what_comes_after_the_documents_is_named(app, method, path, words, phase):
    declare_items(app, 50)
    app.ok("es_create", "item")
    with through_proxy(app) as proxy:
        # The first PUT of settings takes them off, before anything is read.
        held = proxy.hold(method, path, nth=2 if phase == "restore" else 1)
        process = app.start("es_update", "item", "1", "--progress", "always")
        held.wait()
        wait_until(lambda: waits(process, words, 2))
        [row] = wait_until(lambda: [row for row in progress_rows(app) if row["phase"] == phase])
        held.release()
        process.wait(check=0)
    assert row["documents_done"] == row["documents_total"] == 50


# ---- the history


def test_others_see_a_running_update(app):
    with stopped_at_row(app) as gate:
        process = app.start("es_update", "item", "1")
        wait_until_stopped(app, gate)
        [seen] = app.ok("es_history", "--running")
        table = app.run("es_history", "--running", check=0)
        wait_until(lambda: app.ok("es_history", "--running")[0]["progress_at"] > seen["progress_at"])
        gate.open()
        process.wait(check=0)
    courses.assert_fields([seen], {
        "id": courses.is_uuid,
        "documents_done": courses.is_count,
        "documents_total": courses.is_count,
        "docs_per_second": courses.is_count,
        "bytes_per_second": courses.is_count,
        "unanswered": courses.is_count,
        "in_flight": courses.is_count,
        "retries": courses.is_count,
        "docs_rejected": courses.is_count,
        "eta_seconds": courses.or_null(courses.is_count),
        "progress_at": courses.is_time,
    })
    assert (seen["status"], seen["phase"], seen["alive"], seen["is_estimate"]) == ("running", "load", True, True)
    assert 0 < seen["documents_done"] < ROWS
    assert seen["bytes_sent"] > 0
    [heading, line] = table.out.splitlines()
    assert heading.split()[:5] == ["id", "index", "action", "alive", "seconds"]
    assert " yes " in line and " load " in line and line.rstrip().endswith("s ago")
    assert "crashed" not in table.err
    # Closed, the action has the totals.
    assert progress_rows(app) == []
    assert app.ok("es_history", "--running") == []
    [closed] = app.ok("es_history", seen["id"])
    assert closed["in_flight"] >= 1 and closed["alive"] is None and closed["phase"] is None
    assert "nothing is running" in app.run("es_history", "--running", check=0).err


def test_a_crashed_update_does_not_look_alive(app):
    with stopped_at_row(app) as gate:
        process = app.start("es_update", "item", "1")
        wait_until(lambda: any(row["documents_done"] > 0 for row in progress_rows(app)))
        process.kill()
        wait_until(lambda: not app.ok("es_history", "--running")[0]["alive"])
        [seen] = app.ok("es_history", "--running")
        result = app.run("es_history", "--running", check=0)
        assert seen["status"] == "running" and seen["documents_done"] > 0
        assert " no " in result.out.splitlines()[1]
        assert "warning: 1 of them is not alive: crashed, since the lock is free" in result.err
        gate.open()
        app.ok("es_update", "item", "1")
    # What is known of how far it was stays, since its row has no totals.
    [crashed] = app.ok("es_history", seen["id"])
    assert crashed["status"] == "interrupted" and crashed["documents_done"] == seen["documents_done"]


def test_a_replaced_run_writes_no_progress(app):
    with stopped_at_row(app) as gate:
        process = app.start("es_update", "item", "1")
        wait_until(lambda: progress_rows(app))
        app.sql("UPDATE esmigrate.index_action SET status = 'interrupted', finished_at = now() WHERE status = 'running'")
        app.sql("DELETE FROM esmigrate.action_progress")
        process.signal(signal.SIGSTOP)
        process.signal(signal.SIGCONT)
        time.sleep(2.5)
        assert progress_rows(app) == []
        gate.open()
        process.wait(check=1)


def test_progress_is_written_once_a_second(app):
    with stopped_at_row(app, at=1, rows=10) as gate, wire.through_wire(app) as seen:
        process = app.start("es_update", "item", "1")
        wait_until(lambda: progress_rows(app))
        before, began = len(seen.seen), time.monotonic()

        def written():
            return sum("INSERT INTO esmigrate.action_progress" in text for text in seen.seen[before:])

        wait_until(lambda: written() >= 4)
        count = written()
        assert count <= time.monotonic() - began + 1
        gate.open()
        process.wait(check=0)


def test_a_history_that_cannot_take_progress_does_not_stop_the_update(app):
    app.ok("es_init")
    app.sql("ALTER TABLE esmigrate.action_progress ADD CONSTRAINT none CHECK (false)")
    gate = gated_items(app, 10, 1)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1", "--progress", "always")
    wait_until(lambda: waits(process, "waiting for the source, ", 3))
    gate.open()
    process.wait(check=0)


# ---- what it is going to take


def test_a_large_update_says_what_it_takes(app):
    declare_items(app, 100000)
    app.sql("ANALYZE item")
    app.ok("es_create", "item")
    first = app.run("es_update", "item", "1", check=0)
    assert re.search(r"item-1: about (99|100),\d{3} documents to read$", first.err, re.MULTILINE), first.err
    second = app.run("es_update", "item", "1", "--full", check=0)
    if app.history()[-2]["finished_at"] - app.history()[-2]["started_at"] < datetime.timedelta(seconds=1):
        pytest.skip("the first one was too short to tell how long the next takes")
    assert re.search(
        r"documents to read; at [\d,]+ a second, as in the last full update of item, that takes \d+ s", second.err
    ), second.err


def without_new_statistics(app):
    """With them the plan would be one that reads all, and how much has changed is not asked."""
    app.sql("ALTER TABLE item SET (autovacuum_enabled = false)")


def test_an_update_that_will_not_catch_up_says_so(app):
    with stopped_at_row(app, at=300, rows=300) as gate:
        without_new_statistics(app)
        app.sql("CREATE INDEX ON item (changed_at)")
        process = app.start("es_update", "item", "1")
        wait_until(lambda: gate.waiting())
        app.sql("UPDATE item SET changed_at = now()")
        wait_until(lambda: app.sql(
            "SELECT now() > (SELECT started_at FROM esmigrate.index_action WHERE status = 'running')"
            " + interval '11 seconds' AS late")[0]["late"])
        gate.open()
        result = process.wait(check=0)
    assert re.search(
        r"warning: \S+item-1 will (hardly|not) catch up: since \S+Z documents changed in the source at [\d.]+ a second,"
        r" and this update wrote [\d.]+ a second\nHINT: Look at its changed_through", result.err), result.err


def wait_until_sent(app):
    """Some documents are in the engine, so that it is known how fast the update writes."""
    wait_until(lambda: any(row["documents_done"] > 0 for row in progress_rows(app)))


def sessions(app, condition="true"):
    """How many esmigrate has on the database."""
    [row] = app.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    f" AND application_name = 'esmigrate' AND {condition}")
    return row["count"]


def test_an_update_that_will_not_catch_up_says_so_while_it_reads(app):
    with stopped_at_row(app) as gate:
        without_new_statistics(app)
        app.sql("CREATE INDEX ON item (changed_at)")
        process = app.start("es_update", "item", "1")
        wait_until_sent(app)
        before = sessions(app)
        app.sql("UPDATE item SET changed_at = now() WHERE id <> %s", (GATE,))  # who reads that one stops, too
        wait_until(lambda: "HINT: Look at its changed_through" in process.err)
        # What it was asked with is gone; what reads has its transaction as before.
        wait_until(lambda: sessions(app) <= before)
        assert sessions(app, "state = 'idle in transaction'") == 0
        gate.wait()
        assert process.running
        gate.open()
        result = process.wait(check=0)
    warnings = re.findall(
        r"^esmigrate: warning: \S+item-1 will not catch up: since \S+Z documents changed in the source at [\d.]+ a second,"
        r" and this update writes [\d.]+ a second$", result.err, re.MULTILINE)
    assert len(warnings) == 1 and result.err.count("catch up") == 1, result.err


def test_an_update_that_catches_up_says_nothing_of_it(app):
    with stopped_at_row(app) as gate:
        app.sql("CREATE INDEX ON item (changed_at)")
        process = app.start("es_update", "item", "1", "-v")
        wait_until_sent(app)
        app.sql("UPDATE item SET changed_at = now() WHERE id <= 50")
        wait_until(lambda: re.search(r"at (?!0\.0)[\d.]+ a second, and this update writes", process.err))
        gate.open()
        result = process.wait(check=0)
    rates = re.findall(r"item-1: since \S+Z documents changed in the source at ([\d.]+) a second, and this update"
                       r" (writes|wrote) [\d.]+ a second$", result.err, re.MULTILINE)
    # It is asked again at twice the distance.
    *writes, wrote = [word for _, word in rates]
    assert set(writes) == {"writes"} and wrote == "wrote", result.err
    assert max(float(rate) for rate, word in rates if word == "writes") > 1, result.err
    assert "catch up" not in result.err


def test_a_source_that_takes_no_second_session_does_not_disturb_the_update(app):
    role = app.database + "_once"
    with stopped_at_row(app) as gate:
        app.sql(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
        app.sql(f"GRANT pg_read_all_stats TO {role}")
        app.sql(f"GRANT SELECT ON item TO {role}")
        process = app.start("es_update", "item", "1", "-v", "--source", f"{app.conninfo} user={role}")
        wait_until_sent(app)
        wait_until(lambda: "how fast the source changes" in process.err)
        gate.open()
        result = process.wait(check=0)
    app.sql(f"DROP OWNED BY {role}")
    app.sql(f"DROP ROLE {role}")
    [said, *_] = [line for line in result.err.splitlines() if "how fast the source changes" in line]
    assert re.fullmatch(r"esmigrate: \S+item-1: how fast the source changes is not known: source database: cannot connect:"
                        r" .*too many connections for role .*", said), result.err
    assert app.history()[-1]["docs_indexed"] == ROWS


# ---- an index for what changed


@pytest.mark.parametrize(
    "column, documents, master",
    [
        ("timestamptz", None, None),
        ("timestamp", None, {"changed_at_zone": "Europe/Berlin"}),
        ("timestamptz", "SELECT i.id AS _id, i.changed_at AS _changed_at, k.name FROM item i JOIN kind k ON k.id = i.kind",
         None),
    ],
    ids=["with_zone", "without_zone", "joined"],
)
def test_verbose_warns_of_a_change_time_without_index(app, column, documents, master):
    app.sql(f"CREATE TABLE item (id bigint PRIMARY KEY, kind int, changed_at {column} NOT NULL)")
    app.sql("CREATE TABLE kind (id int PRIMARY KEY, name text)")
    app.sql("INSERT INTO kind SELECT n, 'kind ' || n FROM generate_series(1, 10) n")
    app.sql("INSERT INTO item SELECT n, 1 + n % 10, '2026-01-01' FROM generate_series(1, 100000) n")
    app.sql("ANALYZE")
    app.declare("item", index={}, documents=documents or "SELECT id AS _id, changed_at AS _changed_at, kind FROM item",
                master=master)
    app.ok("es_init")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    assert "index finds" not in app.run("es_update", "item", "1", check=0).err
    result = app.run("es_update", "item", "1", "-v", check=0)
    assert re.search(
        r"warning: \S+item-1: no index finds what changed, each update reads all: Seq Scan on item, cost [\d,]+\n"
        r"HINT: CREATE INDEX CONCURRENTLY ON item \(changed_at\); or, if there is such an index: ANALYZE item",
        result.err), result.err
    app.sql("CREATE INDEX ON item (changed_at)")
    assert "index finds" not in app.run("es_update", "item", "1", "-v", check=0).err


def test_verbose_warns_of_changed_sql_without_index(app):
    app.sql("CREATE TABLE item (id bigint PRIMARY KEY, changed_at timestamptz NOT NULL)")
    app.sql("INSERT INTO item SELECT n, '2026-01-01' FROM generate_series(1, 100000) n")
    app.sql("ANALYZE")
    app.declare("item", index={}, documents="SELECT id AS _id FROM item",
                changed="SELECT id AS _id FROM item WHERE changed_at >= $1")
    app.ok("es_init")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    result = app.run("es_update", "item", "1", "-v", check=0)
    assert "HINT: CREATE INDEX CONCURRENTLY ON item (changed_at); or" in result.err, result


def test_verbose_warns_of_a_change_time_that_no_index_can_serve(app):
    app.sql("CREATE TABLE item (id bigint PRIMARY KEY, changed_at timestamptz NOT NULL)")
    app.sql("INSERT INTO item SELECT n, '2026-01-01' FROM generate_series(1, 100000) n")
    app.sql("CREATE INDEX ON item (changed_at)")
    app.sql("ANALYZE")
    app.declare("item", index={},
                documents="SELECT id AS _id, changed_at AS _changed_at, id AS n FROM item ORDER BY id LIMIT 90000")
    app.ok("es_init")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    result = app.run("es_update", "item", "1", "-v", check=0)
    assert "no index finds what changed" in result.err, result
    assert "HINT: An index serves a plain column as _changed_at" in result.err, result
