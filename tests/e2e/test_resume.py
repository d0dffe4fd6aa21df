"""Rules R1 f, R5 and R11: a full update goes on where it was cut short, and leaves the index as it is to be."""

import contextlib
import signal

import pytest

from faults import (
    ITEM_INDEX,
    Gate,
    declare_items,
    expected_items,
    filled_items,
    gated_items,
    instance,
    through_proxy,
    wait_until,
)
from writing import CHANGED

pytestmark = pytest.mark.either

ROWS = 4000
RANGES = 8
# The planner takes a condition like gate(id) to be met by a third of the rows.
SPLIT = {"range_documents": ROWS // RANGES // 3, "overlap": "0 seconds"}
TYPES = {
    "bigint": "n",
    "uuid": "md5(n::text)::uuid",
    "text": "'document ' || n",
    "numeric": "n / 7.0",
    "timestamptz": "'2020-01-01'::timestamptz + n * interval '1 s'",
    "character(12)": "n::text",
    "citext": "CASE WHEN n % 2 = 0 THEN 'Document ' ELSE 'document ' END || n",
}


def declare_split(app, rows=ROWS, master=None, **files):
    """declare_items(), analysed, in ranges of 500, with a gate that is open."""
    declare_items(app, rows, documents="", master={**SPLIT, **(master or {})}, **files)
    app.sql("ANALYZE item")
    gate = Gate(app, rows * 5 // 8 + 200)  # in the middle of the sixth range
    app.declare("item", documents=gate.documents())
    app.ok("es_create", "item")
    return gate


def cut_short(app, gate, *command, number=signal.SIGKILL):
    """Runs the command until it waits at the gate, with what it has read before accounted for, and ends it."""
    before = finished(app)
    gate.close()
    process = app.start(*command)
    gate.wait()
    wait_until(lambda: finished(app) >= before + 4)
    result = process.kill(number)
    gate.open()
    return result


def finished(app):
    [row] = app.sql("SELECT count(*) FROM esmigrate.load_range WHERE finished_at IS NOT NULL")
    return row["count"]


def last(app):
    return app.history()[-1]


def outcomes(app):
    """Of the full updates, oldest first."""
    return [row["outcome"] for row in app.sql("SELECT outcome FROM esmigrate.full_load ORDER BY id")]


def assert_filled_from_the_beginning(app):
    [item] = app.ok("es_update", "item", "1")
    assert item["indexed"] == ROWS
    assert app.docs("item-1") == expected_items(app)


def settings(app, number=1):
    """What the engine has of the settings that a load takes off."""
    name = app.full_name(f"item-{number}")
    found = app.engine_server.must("GET", f"{name}/_settings?flat_settings=true")[name]["settings"]
    return found.get("index.refresh_interval"), found["index.number_of_replicas"]


# ---- ranges


def test_a_full_update_is_divided_and_its_ranges_are_kept_with_their_counts(app):
    declare_split(app)
    app.ok("es_update", "item", "1")
    ranges = app.sql("SELECT * FROM esmigrate.load_range ORDER BY number")
    assert len(ranges) == RANGES
    assert (ranges[0]["first_id"], ranges[-1]["end_id"]) == (None, None)
    assert [row["end_id"] for row in ranges[:-1]] == [row["first_id"] for row in ranges[1:]]
    assert sum(row["docs_indexed"] for row in ranges) == ROWS
    assert all(300 < row["docs_indexed"] < 700 for row in ranges)
    [load] = app.sql("SELECT * FROM esmigrate.full_load")
    assert (load["outcome"], load["changed_through"]) == ("complete", instance(app)["changed_through"])
    assert app.docs("item-1") == expected_items(app)


@pytest.mark.parametrize("type_", TYPES)
def test_ids_of_every_type_are_divided_without_a_gap(app, type_):
    if type_ == "citext":
        app.sql("CREATE EXTENSION citext")
    app.sql(f"CREATE TABLE thing (id {type_} PRIMARY KEY, n integer)")
    app.sql(f"INSERT INTO thing SELECT {TYPES[type_]}, n FROM generate_series(1, 30000) n")
    app.sql("ANALYZE thing")
    app.declare("thing", index={}, documents="SELECT id AS _id, n FROM thing", master={"range_documents": 7000})
    app.ok("es_init")
    app.ok("es_create", "thing")
    [item] = app.ok("es_update", "thing", "1")
    assert item["indexed"] == 30000
    assert len(app.sql("SELECT number FROM esmigrate.load_range WHERE docs_indexed > 1000")) >= 2
    assert sorted(source["n"] for source in app.docs("thing-1").values()) == list(range(1, 30001))


@pytest.mark.parametrize(
    "documents",
    [
        "SELECT 'i' || id AS _id, changed_at AS _changed_at, title, amount FROM item",
        "SELECT id AS _id, changed_at AS _changed_at, title, dear(amount) AS amount FROM item OFFSET 0",
    ],
)
def test_what_cannot_be_divided_is_read_as_one_range_and_said_so(app, documents):
    app.sql("CREATE FUNCTION dear(text) RETURNS text LANGUAGE plpgsql VOLATILE COST 10000 AS 'BEGIN RETURN $1; END'")
    declare_items(app, ROWS, documents=documents, master=SPLIT)
    app.sql("ANALYZE item")
    app.ok("es_create", "item")
    result = app.run("es_update", "item", "1", check=0)
    assert "read as one range" in result.err
    assert len(app.sql("SELECT number FROM esmigrate.load_range")) == 1
    assert len(app.docs("item-1")) == ROWS


def test_a_table_without_the_right_to_read_its_ids_alone_is_read_as_one_range(app):
    app.sql("CREATE TABLE hidden (id bigint PRIMARY KEY, title text)")
    app.sql("INSERT INTO hidden SELECT n, 'Item ' || n FROM generate_series(1, 4000) n")
    app.sql("ANALYZE hidden")
    app.sql("CREATE VIEW shown AS SELECT id, title FROM hidden")
    app.declare("item", index={}, documents="SELECT id AS _id, title FROM shown", master=SPLIT)
    app.ok("es_init")
    app.ok("es_create", "item")
    assert "read as one range" in app.run("es_update", "item", "1", check=0).err
    assert len(app.docs("item-1")) == ROWS


def test_a_null_id_is_found_in_a_divided_query_too(app):
    app.sql("CREATE TABLE item (id bigint UNIQUE, title text)")
    app.sql("INSERT INTO item SELECT n, 'Item' FROM generate_series(1, 4000) n")
    app.sql("ANALYZE item")
    app.declare("item", index={}, documents="SELECT id AS _id, title FROM item", master=SPLIT)
    app.ok("es_init")
    app.ok("es_create", "item")
    app.sql("INSERT INTO item VALUES (NULL, 'Nothing')")
    assert "_id is null" in app.fails(1, "es_update", "item", "1").err


# ---- going on


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_same_command_goes_on_with_the_ranges_that_are_left(app, number):
    gate = declare_split(app)
    cut_short(app, gate, "es_update", "item", "1", number=number)
    done = finished(app)
    assert 4 <= done < RANGES
    result = app.run("es_update", "item", "1", check=0)
    assert f"{done} of {RANGES} ranges are done" in result.err
    assert "are found by the next --full only" in result.err
    assert last(app)["docs_indexed"] == sum(
        row["docs_indexed"]
        for row in app.sql("SELECT docs_indexed FROM esmigrate.load_range WHERE action_id = %s", (last(app)["id"],))
    )
    assert last(app)["docs_indexed"] < ROWS
    assert app.docs("item-1") == expected_items(app)
    assert instance(app)["state"] == "ready"


@pytest.mark.parametrize("is_filled", [False, True], ids=["first", "full"])
def test_what_the_engine_stopped_is_read_again(app, is_filled):
    """Nothing of a request with an item that ends the run is taken for done."""
    gate = declare_split(app)
    if is_filled:
        app.ok("es_update", "item", "1")
        app.sql("UPDATE item SET title = to_json('Second'::text)")
    before = finished(app)
    gate.close()
    process = app.start("es_update", "item", "1", "--full")
    gate.wait()
    wait_until(lambda: finished(app) >= before + 4)
    index = app.full_name("item-1")
    app.engine_server.must("PUT", f"{index}/_settings", {"index.blocks.write": True})
    gate.open()
    process.wait(check=6)
    app.engine_server.must("PUT", f"{index}/_settings", {"index.blocks.write": None})
    result = app.run("es_update", "item", "1", "--full", check=0)
    assert " ranges are done" in result.err
    assert app.docs("item-1") == expected_items(app)


@pytest.fixture
def no_rejection_is_recorded(app):
    """As a full disk would have it: a context."""
    @contextlib.contextmanager
    def full_disk():
        app.sql("ALTER TABLE esmigrate.rejected_document ADD CONSTRAINT full_disk CHECK (false)")
        yield
        app.sql("ALTER TABLE esmigrate.rejected_document DROP CONSTRAINT full_disk")
    return full_disk


def test_a_rejected_document_that_could_not_be_recorded_is_not_forgotten(app, no_rejection_is_recorded):
    declare_items(app, 2)
    app.sql("UPDATE item SET amount = 'many' WHERE id = 1")
    app.ok("es_create", "item")
    with no_rejection_is_recorded():
        app.fails(5, "es_update", "item", "1")
    app.fails(4, "es_update", "item", "1")
    assert [row["doc_id"] for row in app.sql("SELECT doc_id FROM esmigrate.rejected_document")] == ["1"]


def test_a_refused_request_that_could_not_be_recorded_is_not_forgotten(app, no_rejection_is_recorded):
    declare_items(app, 2)
    app.ok("es_create", "item")
    with through_proxy(app) as proxy, no_rejection_is_recorded():
        for _ in range(2):  # both documents, and one of them alone
            proxy.replace("POST", "_bulk", 400, "before")
        app.fails(5, "es_update", "item", "1")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_what_changed_in_finished_ranges_meanwhile_is_in_the_next_update(app):
    """changed_through is that of the first start: later, the change would be lost."""
    gate = declare_split(app)
    cut_short(app, gate, "es_update", "item", "1")
    app.sql("UPDATE item SET title = to_json('Changed'::text), changed_at = now() WHERE id = 3")
    [row] = app.sql("SELECT clock_timestamp() AS now")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1")["3"]["title"] == "Item 3"
    assert instance(app)["changed_through"] < row["now"]
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_the_sweep_of_a_resumed_full_update_removes_what_was_gone_at_its_start(app):
    gate = declare_split(app)
    app.ok("es_update", "item", "1")
    app.sql("DELETE FROM item WHERE id IN (10, 3990)")
    cut_short(app, gate, "es_update", "item", "1", "--full")
    [item] = app.ok("es_update", "item", "1", "--full")
    assert item["deleted"] == 2
    assert app.docs("item-1") == expected_items(app)


def test_a_changed_update_between_does_not_spoil_the_full_one(app):
    gate = declare_split(app)
    app.ok("es_update", "item", "1")
    app.sql("DELETE FROM item WHERE id = 77")
    cut_short(app, gate, "es_update", "item", "1", "--full")
    app.sql("UPDATE item SET title = to_json('Changed'::text), changed_at = now() WHERE id IN (3, 3999)")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1")["3"]["title"] == "Changed"
    app.ok("es_update", "item", "1", "--full")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_documents_deleted_between_are_not_taken_for_duplicates(app):
    app.sql("CREATE TABLE gone (id bigint, at timestamptz DEFAULT now())")
    gate = declare_split(app, changed=CHANGED)
    app.ok("es_update", "item", "1")
    cut_short(app, gate, "es_update", "item", "1", "--full")
    app.sql("WITH d AS (DELETE FROM item WHERE id <= 20 RETURNING id) INSERT INTO gone SELECT id FROM d")
    assert app.ok("es_update", "item", "1")[0]["deleted"] == 20
    app.ok("es_update", "item", "1", "--full")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)


def test_a_first_full_update_that_was_cut_short_is_gone_on_with_and_not_repaired(app):
    gate = declare_split(app)
    cut_short(app, gate, "es_update", "item", "1")
    app.sql("DELETE FROM item WHERE id <= 3")
    result = app.fails(1, "es_verify", "item-1", "--repair")
    index = app.full_name("item-1")
    assert f"{index}: nothing is repaired before it is filled" in result.err
    assert "HINT: It is not filled: esmigrate es_update item 1" in result.err
    app.ok("es_update", "item", "1")
    assert outcomes(app) == ["complete"]
    app.ok("es_verify", "item-1", "--repair")
    assert app.docs("item-1") == expected_items(app)


def test_documents_rejected_by_the_first_part_stay_open_and_are_tried_again(app):
    gate = declare_split(app)
    app.sql("UPDATE item SET amount = 'many' WHERE id IN (5, 6)")
    cut_short(app, gate, "es_update", "item", "1")
    app.sql("UPDATE item SET amount = '6' WHERE id = 6")
    result = app.run("es_update", "item", "1")
    assert result.code == 4
    assert [row["doc_id"] for row in app.sql("SELECT doc_id FROM esmigrate.rejected_document")] == ["5"]
    app.sql("DELETE FROM item WHERE id = 5")
    assert app.docs("item-1") == expected_items(app)


def test_a_full_update_of_a_filled_index_that_is_a_day_old_is_begun_anew(app):
    gate = declare_split(app)
    app.ok("es_update", "item", "1")
    cut_short(app, gate, "es_update", "item", "1", "--full")
    app.sql("UPDATE esmigrate.load_range SET finished_at = finished_at - interval '25 hours' WHERE load_id = 2")
    app.sql("UPDATE esmigrate.full_load SET started_at = started_at - interval '25 hours' WHERE id = 2")
    result = app.run("es_update", "item", "1", "--full", check=0)
    assert "begun anew: it was cut short more than a day ago" in result.err
    assert last(app)["docs_indexed"] == ROWS


# ---- what is done may be what is wrong


def test_after_a_change_in_place_it_is_begun_anew(app):
    gate = declare_split(app)
    app.ok("es_update", "item", "1")
    cut_short(app, gate, "es_update", "item", "1", "--full")
    properties = {**ITEM_INDEX["mappings"]["properties"], "copy": {"type": "keyword"}}
    properties["amount"] = {**properties["amount"], "copy_to": "copy"}
    app.declare("item", index={**ITEM_INDEX, "mappings": {**ITEM_INDEX["mappings"], "properties": properties}})
    app.ok("es_create", "item", "--in-place")
    assert app.ok("es_update", "item", "1", "--full")[0]["indexed"] == ROWS
    assert outcomes(app) == ["complete", "abandoned", "complete"]


def test_after_a_changed_update_that_asks_for_a_full_one_it_is_begun_anew(app):
    gate = declare_split(app)
    app.ok("es_update", "item", "1")
    cut_short(app, gate, "es_update", "item", "1", "--full")
    app.sql("UPDATE item SET title = to_json('Second'::text)")  # stamped as if it had been before
    app.sql("UPDATE esmigrate.index_instance SET changed_through = now() + interval '1 hour'")
    assert "the source's clock went back" in app.fails(1, "es_update", "item", "1").err
    app.ok("es_update", "item", "1", "--full")
    assert app.docs("item-1") == expected_items(app)


def test_where_nothing_tells_what_has_changed_it_is_begun_anew(app):
    gate = declare_split(app)
    app.declare("item", documents="SELECT id AS _id, title, amount FROM item WHERE gate(id)")
    app.ok("es_create", "item", "--force")
    app.ok("es_update", "item", "2")
    cut_short(app, gate, "es_update", "item", "2")
    app.sql("UPDATE item SET title = to_json('Second'::text)")
    result = app.run("es_update", "item", "2", check=0)
    assert "begun anew: nothing tells what has changed since" in result.err
    assert app.docs("item-2") == expected_items(app)


def test_a_load_of_which_nothing_is_done_is_begun_anew_and_leaves_nothing_behind(app):
    gate = gated_items(app, 20_000, 19_000)  # behind three requests of five megabytes, in one range
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "1")
    gate.wait()
    wait_until(lambda: len(app.docs("item-1")) > 100)
    process.kill()
    gate.open()
    app.sql("DELETE FROM item WHERE id < 50")
    app.ok("es_update", "item", "1")
    assert app.docs("item-1") == expected_items(app)
    assert outcomes(app) == ["abandoned", "complete"]


def test_restart_begins_anew(app):
    gate = declare_split(app)
    cut_short(app, gate, "es_update", "item", "1")
    result = app.run("es_update", "item", "1", "--restart", check=0)
    assert "begun anew" in result.err
    assert last(app)["docs_indexed"] == ROWS
    assert outcomes(app) == ["abandoned", "complete"]


def test_a_cleared_index_is_filled_from_the_beginning(app):
    gate = declare_split(app)
    cut_short(app, gate, "es_update", "item", "1")
    app.ok("es_clear", "item-1", "--yes")
    assert_filled_from_the_beginning(app)


def test_an_index_made_again_is_filled_from_the_beginning(app):
    gate = declare_split(app)
    cut_short(app, gate, "es_update", "item", "1")
    app.engine_server.must("DELETE", app.full_name("item-1"))
    app.ok("es_create", "item", "--engine-only")
    assert_filled_from_the_beginning(app)


def test_another_source_is_not_gone_on_with(make_app):
    app, other = make_app(), make_app()
    gate = declare_split(app)
    cut_short(app, gate, "es_update", "item", "1")
    other.sql("CREATE TABLE item AS SELECT n::bigint AS id, to_json('Other'::text) AS title, n::text AS amount,"
              " now() AS changed_at FROM generate_series(1, 100) n")
    other.sql("CREATE FUNCTION gate(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
    result = app.run("es_update", "item", "1", env={"ESMIGRATE_SOURCE": other.conninfo})
    assert "the source is another database now" in result.err
    assert result.code == 0
    assert app.docs("item-1") == expected_items(other)


# ---- the settings of the load


INDEX = {"settings": {"number_of_shards": 1, "number_of_replicas": 1, "refresh_interval": "7s"}}


def test_a_first_full_update_runs_without_refresh_and_replicas_and_restores_them(app):
    gate = declare_split(app)
    app.declare("item", index=INDEX)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "2")
    gate.wait()
    assert settings(app, 2) == ("-1", "0")
    gate.open()
    process.wait(check=0)
    assert settings(app, 2) == ("7s", "1")
    assert instance(app, 2)["settings_to_restore"] is None


def test_settings_that_were_not_declared_are_unset_again(app):
    declare_split(app)
    app.ok("es_update", "item", "1")
    assert settings(app) == (None, "0")


def test_who_goes_on_with_a_killed_load_restores_its_settings(app):
    gate = declare_split(app)
    app.declare("item", index=INDEX)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "2")
    gate.wait()
    process.kill()
    gate.open()
    assert settings(app, 2) == ("-1", "0")
    app.ok("es_update", "item", "2")
    assert settings(app, 2) == ("7s", "1")
    assert app.docs("item-2") == expected_items(app)


def test_an_instance_that_is_activated_half_filled_has_its_settings_first(app):
    gate = declare_split(app)
    app.declare("item", index=INDEX)
    app.ok("es_create", "item")
    gate.close()
    process = app.start("es_update", "item", "2")
    gate.wait()
    process.kill()
    gate.open()
    with through_proxy(app) as proxy:
        app.ok("es_activate", "item", "2", "--force")
        order = [path for method, path in proxy.seen if method in ("PUT", "POST")]
    assert order[-2].endswith("/_settings") and order[-1] == "/_aliases"
    assert settings(app, 2) == ("7s", "1")


def test_the_active_instance_and_a_filled_one_keep_their_settings_during_a_full_update(app):
    filled_items(app, 5)
    with through_proxy(app) as proxy:
        app.ok("es_update", "item", "--full")
        assert not [path for method, path in proxy.seen if method == "PUT"]
