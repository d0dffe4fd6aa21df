"""Rule R1 d: a standby or a subscriber as source is refused, and right with an explicit overlap; and what a promotion
or a restore leaves (rule R1 e) is named."""

import contextlib
import re
import signal
import subprocess
import tempfile
import time

import pytest

from faults import ITEM_DOCUMENTS, ITEM_INDEX, Gate, declare_items, expected_items, wait_until
from messages import said
from replicas import home_of, make_standby, replayed
from servers import Postgres
from test_horizon import SECOND, changed_through, now, touch, transaction
from test_resume import cut_short

pytestmark = pytest.mark.either

# The table of declare_items(), where esmigrate is not.
ITEM_TABLE = "CREATE TABLE item (id bigint PRIMARY KEY, title json, amount text, changed_at timestamptz NOT NULL)"
ITEM_ROWS = "INSERT INTO item SELECT n, to_json(n), n, now() - interval '1 hour' FROM generate_series(1, 5) n"


def overlap(app, seconds):
    app.declare("item", master={"overlap": f"{seconds} seconds"})


def change(app, doc_id, title):
    with contextlib.closing(app.connect()) as connection:
        touch(connection, doc_id, title)


# ---- a standby


@pytest.fixture(scope="module")
def pair(server_folder, engine):
    """(primary, standby) of all tests here, a pair for each engine; the last test promotes the standby."""
    del engine
    servers = []

    def make(*options):
        servers.append(Postgres(tempfile.mkdtemp(prefix="postgres.", dir=server_folder), *options))
        return servers[-1]

    # The standby has to see every commit soon, and a cleanup would cancel what it reads.
    primary = make("--set", "wal_writer_delay: 10ms", "--set", "autovacuum: off")
    yield primary, make_standby(make, primary, "--set", "max_standby_streaming_delay: 0")
    for server in reversed(servers):
        server.remove()


@pytest.fixture
def primary(pair):
    return pair[0]


@pytest.fixture
def standby(pair):
    return pair[1]


@pytest.fixture
def app(make_app, primary, standby):
    """The history is on the primary, the source is the standby."""
    app = make_app(postgres=primary)
    declare_items(app, 5)
    app.ok("es_create", "item")
    replayed(primary, standby)
    app.env["ESMIGRATE_SOURCE"] = standby.conninfo(app.database)
    return app


def test_a_standby_is_refused_without_an_overlap_and_right_with_one(app, primary, standby):
    said(app, app.run("es_update", "item", "1", "-q"), """
        esmigrate: error: qa_item-1: source database: it is a standby, which does not show the primary's transactions, so a late commit could be missed
        HINT: Set "overlap" in master.json to the longest time between a row's change and its commit, for example "10 minutes".
        exit code 1
    """)
    assert changed_through(app) is None

    overlap(app, 30)
    result = app.run("es_update", "item", "1", "-v", check=0)
    assert "(standby): the newest transaction that it has replayed was committed at" in result.err
    app.ok("es_activate", "item")
    with transaction(app) as (late, began):
        touch(late, 3, "Late")
        change(app, 1, "Early")
        replayed(primary, standby)
        app.ok("es_update", "item")
        assert app.docs("item")["1"]["title"] == "Early"
        assert changed_through(app) < began
        time.sleep(1)
        late.execute("COMMIT")
    replayed(primary, standby)
    app.ok("es_update", "item")
    assert app.docs("item") == expected_items(app)


@contextlib.contextmanager
def paused(standby):
    """The standby replays nothing."""
    with standby.connect() as replica:
        replica.execute("SELECT pg_wal_replay_pause()")
        try:
            state = "SELECT pg_get_wal_replay_pause_state() AS state"
            wait_until(lambda: replica.execute(state).fetchone()["state"] == "paused")
            yield replica
        finally:
            if replica.execute("SELECT pg_is_in_recovery() AS standby").fetchone()["standby"]:
                replica.execute("SELECT pg_wal_replay_resume()")


def test_a_standby_that_lags_holds_changed_through_back(app, primary, standby):
    overlap(app, 1)
    app.ok("es_update", "item", "1")
    with paused(standby):
        changed = now(app)
        change(app, 3, "Not replayed")
        wait_until(lambda: now(app) > changed + 1.5 * SECOND)
        for _ in range(2):
            app.ok("es_update", "item", "1")
            assert changed_through(app) <= changed - SECOND
    replayed(primary, standby)
    app.ok("es_update", "item", "1")
    assert app.docs("item-1")["3"]["title"] == "Not replayed"


def test_a_full_update_is_not_gone_on_with_from_a_standby_that_is_behind(app, primary, standby):
    behind = ["--source", app.env.pop("ESMIGRATE_SOURCE")]
    app.sql("INSERT INTO item SELECT n, to_json(n), n, now() - interval '1 hour' FROM generate_series(6, 4000) n")
    app.sql("ANALYZE item")
    gate = Gate(app, 2700)
    app.declare("item", documents=gate.documents(), master={"overlap": "1 second", "range_documents": 166})
    app.ok("es_create", "item", "--force")
    replayed(primary, standby)
    with paused(standby):
        changed = now(app)
        change(app, 3999, "Not replayed")
        wait_until(lambda: now(app) > changed + 1.5 * SECOND)
        cut_short(app, gate, "es_update", "item", "2")
        result = app.run("es_update", "item", "2", *behind, check=0)
    assert "begun anew: the source is a standby that is behind what was begun with" in result.err
    replayed(primary, standby)
    app.ok("es_update", "item", "2", *behind)
    assert app.docs("item-2") == expected_items(app)


def test_a_full_update_from_a_standby_that_has_replayed_nothing_has_no_mark(app, primary, standby):
    """It may be behind the mark that there was."""
    overlap(app, 1)
    behind = ["--source", app.env.pop("ESMIGRATE_SOURCE")]
    app.ok("es_update", "item", "1")
    # So that it begins behind all commits.
    primary.execute("CHECKPOINT")
    replayed(primary, standby)
    standby.execute("CHECKPOINT")
    standby.stop()
    standby.start("--set", "recovery_min_apply_delay: 1h")
    try:
        change(app, 3, "Not replayed")
        changed = now(app)
        wait_until(lambda: now(app) > changed + 1.5 * SECOND)
        app.ok("es_update", "item", "1")
        assert changed_through(app) > changed
        app.ok("es_update", "item", "1", "--full", *behind)
        assert app.docs("item-1")["3"]["title"] == "Item 3" and changed_through(app) is None
    finally:
        standby.stop()
        standby.start("--set", "recovery_min_apply_delay: 0")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_what_a_standby_lacks_that_the_index_has_is_not_gone(app, primary, standby):
    """The index was filled from the primary, and then a standby is asked that is behind."""
    overlap(app, 1)
    behind = ["--source", app.env.pop("ESMIGRATE_SOURCE")]
    app.ok("es_update", "item", "1")
    app.ok("es_activate", "item")
    replayed(primary, standby)
    with paused(standby):
        app.sql("INSERT INTO item VALUES (6, '\"New\"', '6', now()), (7, '\"Bad\"', 'no number', now())")
        changed = now(app)
        wait_until(lambda: now(app) > changed + 1.5 * SECOND)
        app.fails(4, "es_update", "item")
        assert changed_through(app) > changed
        for command in ["es_verify", "item", "--repair"], ["es_retry", "item"]:
            said(app, app.run(*command, *behind), """
                esmigrate: error: index "qa_item-1": the source is a standby that has the changes up to TIME, before changed_through, TIME
                DETAIL: What it lacks would be taken for gone.
                HINT: Name the primary with --source, or wait until the standby has replayed a later commit; then run the same command again.
                exit code 1
            """)
        result = app.run("es_verify", "item", *behind, check=1)
        assert (
            "HINT: Compare with the primary, by --source, or when the standby has replayed a later commit:"
            " esmigrate es_verify item-1\n" in result.err
        )
        result = app.run("es_update", "item", *behind, check=4)
        assert ": rejected documents are not read again\n" in result.err
    replayed(primary, standby)
    for source in behind, []:
        app.fails(4, "es_update", "item", *source)
    assert app.docs("item") == {key: doc for key, doc in expected_items(app).items() if key != "7"}
    app.ok("es_verify", "item", "--allow-rejected", "1", *behind)


def test_a_full_update_from_a_standby_is_not_joined(app, primary, standby):
    app.declare("item", documents=ITEM_DOCUMENTS + " WHERE id < 5 OR pg_sleep(60) IS NULL")
    overlap(app, 1)
    app.ok("es_create", "item")
    process = app.start("es_update", "item", "2", "-q")
    with standby.connect(app.database) as replica:
        reading = "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        wait_until(lambda: replica.execute(reading).fetchall())
    said(app, app.run("es_update", "item", "2", "-q", "--join"), """
        esmigrate: error: index "qa_item-2": its full update cannot be joined: the source is a standby, and others may have replayed more or less than it
        HINT: It goes on without this one. See esmigrate es_history --status running
        exit code 1
    """)
    process.signal(signal.SIGINT)
    process.wait(check=130)


def test_a_read_that_the_standby_cancels_says_what_to_set(app, primary, standby):
    app.sql("DROP TABLE item")
    app.sql("CREATE TABLE item AS SELECT n AS id, now() - interval '1 hour' AS changed_at FROM generate_series(1, 5) n")
    app.declare("item", index={}, documents="SELECT id AS _id, changed_at AS _changed_at, pg_sleep(2) FROM item")
    overlap(app, 1)
    replayed(primary, standby)
    app.ok("es_create", "item")
    process = app.start("es_update", "item", "2", "-q")
    with standby.connect(app.database) as replica:
        reading = "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        wait_until(lambda: replica.execute(reading).fetchall())
    app.sql("ALTER TABLE item ADD COLUMN more int")
    said(app, process.wait(), """
        esmigrate: error: qa_item-2: source database: canceling statement due to conflict with recovery
        DETAIL: User was holding a relation lock for too long.
        HINT: The standby gave way to what it replays. Set hot_standby_feedback = on or a longer max_standby_streaming_delay there, or read from the primary; then run the same command again.
        exit code 5
    """)


def test_after_a_promotion_the_next_updates_say_what_a_full_one_would_mend(app, primary, standby):
    """The index was filled from the primary; a failover lost a commit, and updates go on from the former standby."""
    history = app.conninfo
    app.env.pop("ESMIGRATE_SOURCE")
    app.ok("es_update", "item", "1")
    with paused(standby) as replica:
        replica.execute("SELECT pg_promote(wait => true)")
    with contextlib.closing(standby.connect(app.database)) as promoted:
        promoted.execute("CHECKPOINT")
        promoted.execute("UPDATE item SET title = '\"Promoted\"', changed_at = now() WHERE id = 3")
        promoted.execute("DELETE FROM item WHERE id = 5")
        # More than what was lost, so that only the timeline tells.
        promoted.execute("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
    assert app.env["ESMIGRATE_HISTORY"] == history
    app.env["ESMIGRATE_SOURCE"] = standby.conninfo(app.database)
    for _ in range(2):
        said(app, app.run("es_update", "item", "1", "-q"), """
            esmigrate: warning: qa_item-1: the source is on timeline 2, it was on 1 at the last full update: what it lost in a restore or a failover is still in the index until es_update item-1 --full
            exit code 0
        """)
    assert app.docs("item-1")["3"]["title"] == "Promoted" and "5" in app.docs("item-1")
    app.run("es_update", "item", "1", "--full", check=0)
    assert "5" not in app.docs("item-1")
    result = app.run("es_update", "item", "1", check=0)
    assert "timeline" not in result.err


# ---- a source that was set back


def test_a_source_that_was_restored_to_an_earlier_state_needs_a_full_update(private_postgres, make_app, tmp_path):
    """A copy of the whole server, as a snapshot of its volume is one: same system identifier, same timeline."""
    app, source = make_app(), private_postgres("--durable")
    source.execute(ITEM_TABLE)
    source.execute(ITEM_ROWS)
    app.declare("item", index=ITEM_INDEX, documents=ITEM_DOCUMENTS)
    app.env["ESMIGRATE_SOURCE"] = source.address
    app.ok("es_init")
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    folder = home_of(source)
    source.stop()
    subprocess.run(["cp", "-a", folder / "data", tmp_path / "data"], check=True)
    source.start()
    source.execute("INSERT INTO item VALUES (6, '\"Lost\"', 1, now())")
    app.ok("es_update", "item", "1")
    assert "6" in app.docs("item-1")
    source.stop()
    subprocess.run(["rm", "-r", folder / "data"], check=True)
    subprocess.run(["cp", "-a", tmp_path / "data", folder / "data"], check=True)
    source.start()
    before = changed_through(app)
    result = app.run("es_update", "item", "1", "-q")
    result.err = re.sub(r"\b[0-9A-F]+/[0-9A-F]+\b", "LSN", result.err)
    said(app, result, """
        esmigrate: error: index "qa_item-1": the source was set back to an earlier state: its write-ahead log ends at LSN, and was at LSN already
        HINT: What it lost is still in the index. This removes it: esmigrate es_update item-1 --full
        exit code 1
    """)
    assert changed_through(app) == before
    app.ok("es_update", "item", "1", "--full")
    assert "6" not in app.docs("item-1")
    app.ok("es_update", "item", "1")


# ---- a subscriber


@pytest.fixture
def publisher(private_postgres):
    server = private_postgres("--set", "wal_level: logical", "--set", "wal_writer_delay: 10ms")
    server.execute(ITEM_TABLE)
    server.execute(ITEM_ROWS)
    server.execute("CREATE PUBLICATION items FOR TABLE item")
    return server


@pytest.fixture
def subscriber(private_postgres, make_app, publisher):
    """An app whose table item is a copy that a subscription keeps."""
    app = make_app(postgres=private_postgres())
    declare_items(app, 0)
    app.sql(f"CREATE SUBSCRIPTION items CONNECTION '{publisher.address}' PUBLICATION items")
    wait_until(lambda: len(app.sql("SELECT id FROM item")) == 5)
    yield app
    app.sql("ALTER SUBSCRIPTION items DISABLE")
    app.sql("ALTER SUBSCRIPTION items SET (slot_name = NONE)")
    app.sql("DROP SUBSCRIPTION items")


def test_a_subscriber_is_refused_without_an_overlap_and_right_with_one(subscriber, publisher):
    app = subscriber
    app.ok("es_create", "item")
    said(app, app.run("es_update", "item", "1", "-q"), """
        esmigrate: error: qa_item-1: source database: it has an enabled subscription, whose changes carry the publisher's times, so a late commit could be missed
        HINT: Set "overlap" in master.json to the longest time between a row's change and its commit, for example "10 minutes".
        exit code 1
    """)

    overlap(app, 30)
    result = app.run("es_update", "item", "1", "-v", check=0)
    assert "(overlap only)" in result.err
    with contextlib.closing(publisher.connect()) as late:
        late.execute("BEGIN")
        began = late.execute("SELECT now()").fetchone()["now"]
        touch(late, 3, "Late")
        wait_until(lambda: now(app) > began + SECOND)
        app.ok("es_update", "item", "1")
        assert changed_through(app) < began
        late.execute("COMMIT")
    wait_until(lambda: app.sql("SELECT id FROM item WHERE title::text = '\"Late\"'"))
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
    app.sql("ALTER SUBSCRIPTION items DISABLE")
    app.declare("item", master={})
    app.ok("es_update", "item", "1")
