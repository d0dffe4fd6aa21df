"""A full update read by several workers: by sessions of one process (--workers), by processes (--join)."""

import os
import signal
import threading

import pytest

import soak
import test_random_kills as kills
from faults import assert_accounted, declare_items, expected_items, instance, through_proxy, wait_until
from messages import said
from servers import ROOT
from test_resume import RANGES, ROWS, SPLIT, cut_short, declare_split, finished, last, settings
from writing import Writers

pytestmark = pytest.mark.either

SNAPSHOT = "SELECT id AS _id, changed_at AS _changed_at, pg_current_snapshot()::text AS title FROM item"


def test_many_workers_fill_the_same_index_as_one_while_others_write(app):
    kills.declare(app)
    app.ok("es_create", "item")
    with Writers(app, kills.ROWS, 1) as writers:
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


# ---- joining


JOIN = ["es_update", "item", "--last", "--join"]


@pytest.fixture
def begun(app):
    """A full update that stands at a gate in its sixth range: (gate, process)."""
    gate = declare_split(app)
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    yield gate, process
    gate.open()


def rows(app):
    """Of the updates: status, result and what they indexed, in the order of their start."""
    return [(row["status"], row["result"], row["docs_indexed"]) for row in app.history() if row["action"] == "update"]


def statuses(app):
    return [status for status, _, _ in rows(app)]


def lease_over(app, process):
    app.sql(
        "UPDATE esmigrate.load_worker w SET leased_until = now() - interval '1 s'"
        " FROM esmigrate.index_action a WHERE a.id = w.action_id AND a.pid = %s",
        (process.pid,),
    )


def write_aliases(app):
    name = app.full_name("item-1")
    return list(app.engine_server.must("GET", f"{name}/_alias")[name]["aliases"])


def assert_complete(app):
    assert app.docs("item-1") == expected_items(app)
    assert instance(app)["state"] == "ready"
    assert instance(app)["settings_to_restore"] is None
    assert settings(app)[0] is None
    assert len(write_aliases(app)) == 1
    assert [row["outcome"] for row in app.sql("SELECT outcome FROM esmigrate.full_load")] == ["complete"]
    for row in app.history():
        if row["status"] == "complete":
            assert_accounted(row)


def test_another_process_joins_and_both_rows_say_what_they_did(app, begun):
    gate, first = begun
    joined = app.start(*JOIN, "-o", "json")
    wait_until(lambda: finished(app) == RANGES - 1)
    assert len(write_aliases(app)) == 2
    gate.open()
    [item] = joined.wait(check=0).json
    first.wait(check=0)
    assert (item["mode"], item["status"], item["changed_through"]) == ("full", "complete", None)
    assert "another worker brings the full update to its end" in joined.wait().err
    [one, other] = rows(app)
    assert (one[0], one[1], other[0], other[1]) == ("complete", None, "complete", "joined")
    assert other[2] == item["indexed"] > 0
    assert one[2] + other[2] == ROWS
    assert_complete(app)


def test_other_commands_are_refused_while_a_full_update_is_worked_at(app, begun):
    gate, first = begun
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) == RANGES - 1)
    for command in (["es_update", "item", "1"], ["es_drop", "item-1", "--yes"], ["es_clear", "item-1", "--yes"]):
        result = app.run(*command)
        assert result.code > 0
        assert "another run holds the lock" in result.err
        assert "es_update item" in result.err
    first.kill()
    result = app.run("es_drop", "item-1", "--yes")
    assert "another run holds the lock" in result.err
    gate.open()
    joined.wait(check=0)
    assert_complete(app)


def test_without_a_running_full_update_there_is_nothing_to_join(app):
    gate = declare_split(app)
    result = app.fails(1, *JOIN)
    assert "no full update of it is running" in result.err
    assert "To begin one: esmigrate es_update item-1" in result.err
    cut_short(app, gate, "es_update", "item", "1")
    result = app.fails(1, *JOIN)
    assert "One was cut short; to go on: esmigrate es_update item-1" in result.err
    app.ok("es_update", "item", "1")
    assert_complete(app)
    assert "To begin one: esmigrate es_update item-1 --full" in app.fails(1, *JOIN).err


def test_a_process_that_is_to_join_can_be_there_first(app):
    gate = declare_split(app)
    joined = app.start(*JOIN, "--wait-lock=60")
    gate.close()
    first = app.start("es_update", "item", "1", "--wait-lock=60")
    gate.wait()
    wait_until(lambda: finished(app) == RANGES - 1)
    gate.open()
    first.wait(check=0)
    joined.wait(check=0)
    assert sorted(rows(app), key=lambda row: row[1] or "")[1][1] == "joined"
    assert_complete(app)


@pytest.mark.parametrize("option", ["--restart", "--since=2020-01-01T00:00:00Z"])
def test_join_excludes_what_begins_anew(app, option):
    assert "exclude each other" in app.fails(2, "es_update", "item", "--join", option).err


def test_a_joiner_brings_a_full_update_to_its_end_whose_first_process_is_dead(app, begun):
    gate, first = begun
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) == RANGES - 1)
    first.kill()
    wait_until(lambda: statuses(app) == ["interrupted", "running"])
    gate.open()
    result = joined.wait(check=0)
    assert f"the worker with pid {first.pid} on " in result.err
    assert "its session is gone" in result.err
    assert statuses(app) == ["interrupted", "complete"]
    assert_complete(app)


def test_the_first_process_takes_over_from_a_joiner_that_is_dead(app, begun):
    gate, first = begun
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk", when="before")
        joined = app.start(*JOIN)
        held.wait()
    joined.kill()
    # Its lock on the instance was one of several.
    alive = lambda: {row["pid"]: row["alive"] for row in app.ok("es_history", "--running")}  # noqa: E731
    wait_until(lambda: alive() == {first.pid: True, joined.pid: False})
    gate.open()
    assert f"the worker with pid {joined.pid} on " in first.wait(check=0).err
    assert statuses(app) == ["complete", "interrupted"]
    assert_complete(app)


def test_when_all_are_dead_the_same_command_goes_on(app, begun):
    gate, first = begun
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) == RANGES - 1)
    first.kill()
    joined.kill()
    gate.open()
    assert f"{RANGES - 1} of {RANGES} ranges are done" in app.run("es_update", "item", "1", check=0).err
    assert statuses(app) == ["interrupted", "interrupted", "complete"]
    assert_complete(app)


def assert_replaced(process):
    """Goes on with a stopped worker, which then sees that it was replaced."""
    process.signal(signal.SIGCONT)
    result = process.wait()
    assert result.code > 0
    assert "this run was replaced" in result.err


def test_a_stopped_first_process_is_replaced_when_its_lease_is_over_and_writes_nothing(app, begun):
    gate, first = begun
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) == RANGES - 1)
    first.signal(signal.SIGSTOP)
    lease_over(app, first)
    gate.open()
    assert "its lease was over at" in joined.wait(check=0).err
    assert_complete(app)
    app.ok("es_update", "item", "1")  # nothing holds its lock any more
    after = instance(app)
    assert_replaced(first)
    assert statuses(app) == ["interrupted", "complete", "complete"]
    assert instance(app) == after
    assert_complete(app)


def test_a_stopped_joiner_is_locked_out_of_the_engine(app, begun):
    """What it had on its way arrives when the engine no longer remembers what was deleted."""
    gate, first = begun
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk", when="before")
        joined = app.start(*JOIN)
        held.wait()
        joined.signal(signal.SIGSTOP)
        lease_over(app, joined)
        gate.open()
        first.wait(check=0)
        held.release()
        assert held.answered.wait(60)
        assert "invalid_index_name_exception" in held.answer
        assert_replaced(joined)
    assert statuses(app) == ["complete", "interrupted"]
    assert_complete(app)


def test_a_replaced_joiner_is_locked_out_while_the_others_still_work(app, begun):
    gate, first = begun
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk", when="before")
        stopped = app.start(*JOIN)
        held.wait()
        stopped.signal(signal.SIGSTOP)
        lease_over(app, stopped)
        joined = app.start(*JOIN)
        wait_until(lambda: finished(app) == RANGES - 1)
        held.release()
        assert held.answered.wait(20)
        assert "invalid_index_name_exception" in held.answer
        assert first.running
        assert_replaced(stopped)
    gate.open()
    first.wait(check=0)
    joined.wait(check=0)
    assert statuses(app) == ["complete", "interrupted", "complete"]
    assert_complete(app)


def renewed(app):
    return app.sql("SELECT leased_until > now() AS renewed FROM esmigrate.load_worker")[0]["renewed"]


def test_a_worker_renews_its_lease(app, begun):
    gate, first = begun
    lease_over(app, first)
    wait_until(lambda: renewed(app))
    gate.open()
    first.wait(check=0)


def test_a_worker_renews_its_lease_while_it_counts(app):
    """It reads no range yet; others would take it for dead."""
    gate = declare_split(app)
    gate.close()
    first = app.start("es_update", "item", "1", "--count", "--workers", "2")
    gate.wait()
    lease_over(app, first)
    wait_until(lambda: renewed(app))
    assert finished(app) == 0, "the test missed the moment"
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) > 0)
    gate.open()
    first.wait(check=0)
    joined.wait(check=0)
    assert statuses(app) == ["complete", "complete"]
    assert_complete(app)


def test_each_range_is_taken_once_whatever_the_plan_of_the_statement(app):
    """A range that was marked as taken and is not read would be waited for for ever.

    With statistics of a single range PostgreSQL joins by a nested loop.
    """
    declare_split(app)
    app.declare("one", index={}, documents="SELECT id AS _id FROM item WHERE id = 1")
    app.ok("es_create", "one")
    app.ok("es_update", "one", "1")
    app.sql("ANALYZE esmigrate.load_range, esmigrate.full_load, esmigrate.index_action")
    for option in ("enable_hashjoin", "enable_mergejoin", "enable_material", "enable_memoize"):
        app.sql(f"ALTER DATABASE {app.database} SET {option} = off")
    app.run("es_update", "item", "1", "--workers", "3", check=0, timeout=100)
    assert app.docs("item-1") == expected_items(app)


def test_a_range_that_two_ask_for_at_once_is_taken_by_one(app):
    """The one that finished it second would be told that it was replaced."""
    gate = declare_split(app)
    cut_short(app, gate, "es_update", "item", "1")
    [load] = app.sql("SELECT id FROM esmigrate.full_load")
    app.sql("DELETE FROM esmigrate.load_range")
    app.sql("INSERT INTO esmigrate.load_range (load_id, number) SELECT %s, n FROM generate_series(1, 1000) n", (load["id"],))
    workers = app.sql(
        """
        WITH a AS (INSERT INTO esmigrate.index_action
                       (id, master_id, instance_id, action, argv, tool_version, os_user, host, pid)
                   SELECT gen_random_uuid(), i.master_id, i.id, 'update', '{}', '0', 'u', 'h', 1
                   FROM esmigrate.index_instance i, generate_series(1, 4) RETURNING id)
        INSERT INTO esmigrate.load_worker (action_id, load_id, writer_epoch, leased_until)
        SELECT id, %s, 100 + row_number() OVER (), now() + interval '1 hour' FROM a RETURNING action_id
        """,
        (load["id"],),
    )
    statement = (ROOT / "sql" / "history" / "load_range_take.sql").read_text(encoding="utf-8")
    statement = statement.split("\n", 1)[1].replace("$1", "%(worker)s").replace("$2", "%(load)s")
    taken = []

    def take(worker):
        with app.connect() as connection:
            # Nothing free at the moment is not the end: what another one has just taken was looked at.
            while len(taken) < 1000:
                rows = connection.execute(statement, {"worker": str(worker), "load": load["id"]}).fetchall()
                taken.extend(row["number"] for row in rows)

    threads = [threading.Thread(target=take, args=(row["action_id"],)) for row in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == list(range(1, 1001))


def test_several_join_at_once(app, begun):
    gate, first = begun
    joined = [app.start(*JOIN, "--workers", "2") for _ in range(3)]
    wait_until(lambda: app.sql("SELECT count(*) FROM esmigrate.load_worker")[0]["count"] == 4)
    wait_until(lambda: finished(app) == RANGES - 1)
    gate.open()
    for process in [first, *joined]:
        process.wait(check=0)
    assert sum(indexed for _, _, indexed in rows(app)) == ROWS
    assert sorted(result or "" for _, result, _ in rows(app)) == ["", "joined", "joined", "joined"]
    assert_complete(app)


def test_a_worker_holds_its_lock_until_its_row_is_closed(app):
    """Without it the others would take it for dead, and it would fail at its end."""
    gate = declare_split(app)
    app.sql(
        """
        CREATE TABLE closed_without_lock (id uuid);
        CREATE FUNCTION look_for_lock() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO public.closed_without_lock SELECT NEW.id
            WHERE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = x'65736d34'::int::oid
                              AND objid = hashtext(NEW.id::text)::oid);
            RETURN NEW;
        END $$;
        CREATE TRIGGER look_for_lock BEFORE UPDATE ON esmigrate.index_action
            FOR EACH ROW WHEN (NEW.status = 'complete') EXECUTE FUNCTION look_for_lock();
        """
    )
    gate.close()
    first = app.start("es_update", "item", "1")
    gate.wait()
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) == RANGES - 1)
    gate.open()
    joined.wait(check=0)
    first.wait(check=0)
    assert statuses(app) == ["complete", "complete"]
    assert app.sql("SELECT id FROM closed_without_lock") == []


def test_one_that_is_killed_while_it_finishes_is_gone_on_with(app):
    gate = declare_split(app)
    gate.close()
    with through_proxy(app) as proxy:
        refresh = proxy.hold("POST", "_refresh", when="before")
        first = app.start("es_update", "item", "1")
        gate.wait()
        joined = app.start(*JOIN)
        wait_until(lambda: finished(app) == RANGES - 1)
        gate.open()
        joined.wait(check=0)
        refresh.wait()
        first.kill()
    assert finished(app) == RANGES
    app.ok("es_update", "item", "1")
    assert statuses(app) == ["interrupted", "complete", "complete"]
    assert_complete(app)


def test_an_index_that_is_another_one_behind_our_back_is_not_joined(app, begun):
    gate, first = begun
    name = app.full_name("item-1")
    app.engine_server.must("DELETE", name)
    app.engine_server.must("PUT", name)
    result = app.fails(1, *JOIN)
    assert "item-1" in result.err
    gate.open()
    assert first.wait().code == 1
    assert app.docs("item-1") == {}


def test_a_full_update_whose_documents_have_a_routing_is_not_joined(app):
    gate = declare_split(app)
    app.declare("item", documents=gate.documents().replace("title,", "amount AS _routing, title,"))
    app.ok("es_create", "item")
    gate.close()
    first = app.start("es_update", "item", "2")
    gate.wait()
    said(app, app.run(*JOIN), """
        esmigrate: error: index "qa_item-2": its full update cannot be joined: its documents have a _routing, whose copies on other shards one process looks for
        HINT: It goes on without this one. See esmigrate es_history --status running
        exit code 1
    """)
    gate.open()
    first.wait(check=0)
    assert app.docs("item-2") == expected_items(app)


def test_a_crashed_worker_does_not_look_alive_while_others_work(app, begun):
    gate, first = begun
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) == RANGES - 1)
    assert [row["alive"] for row in app.ok("es_history", "--running")] == [True, True]
    os.kill(first.pid, signal.SIGSTOP)
    joined.kill()
    wait_until(lambda: {row["pid"]: row["alive"] for row in app.ok("es_history", "--running")}
               == {first.pid: True, joined.pid: False})
    os.kill(first.pid, signal.SIGCONT)
    gate.open()
    first.wait(check=0)
    assert_complete(app)


def test_the_progress_of_each_worker_is_that_of_the_whole_full_update(app, begun):
    """The first one is in the sixth range of eight; the other one does the last two."""
    gate, first = begun
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) == RANGES - 1)
    [total] = app.sql("SELECT sum(docs_indexed) AS n FROM esmigrate.load_range")
    done = "SELECT a.pid, p.documents_done FROM esmigrate.action_progress p JOIN esmigrate.index_action a ON a.id = p.action_id"
    # What others have done is asked with the lease, every five seconds.
    wait_until(lambda: {row["pid"]: row["documents_done"] for row in app.sql(done)}.get(joined.pid) == total["n"])
    wait_until(lambda: {row["pid"]: row["documents_done"] for row in app.sql(done)}[first.pid] >= total["n"])
    gate.open()
    joined.wait(check=0)
    first.wait(check=0)


def test_documents_that_a_joiner_rejected_stay_open(app):
    gate = declare_split(app)
    app.sql("UPDATE item SET title = '{\"a\": 1}' WHERE id = %s", (ROWS,))
    gate.close()
    first = app.start("es_update", "item", "1")
    gate.wait()
    joined = app.start(*JOIN)
    wait_until(lambda: finished(app) == RANGES - 1)
    gate.open()
    joined.wait(check=0)
    first.wait(check=4)
    assert [row["doc_id"] for row in app.sql("SELECT doc_id FROM esmigrate.rejected_document")] == [str(ROWS)]
    assert statuses(app) == ["partial", "complete"]
