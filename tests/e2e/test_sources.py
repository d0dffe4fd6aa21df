"""What documents.sql and changed.sql may say, and what an update makes of it."""

import time

import courses
import pytest

pytestmark = pytest.mark.either

MASTER = courses.MASTER
FREE = {"mappings": {"dynamic": True}}


def prepared(app, **files):
    """course_search-1, empty, of these files; the tables are there already."""
    app.ok("es_init")
    courses.declare(app, **{"index": FREE, **files})
    app.ok("es_create", MASTER)


def update(app, *options):
    [item] = app.ok("es_update", MASTER, "1", *options)
    assert item["status"] == "complete"
    return item


# ---- _changed_at


def test_without_changed_at_every_update_is_full_and_says_so(app):
    courses.make_courses(app)
    prepared(app, documents="SELECT id AS _id, title FROM course")
    update(app)
    app.sql("DELETE FROM course WHERE id = 1")
    result = app.run("es_update", MASTER, "1", "-o", "json", check=0)
    [item] = result.json
    assert (item["mode"], item["indexed"], item["deleted"]) == ("full", 2, 1)
    assert "no _changed_at, so every update is a full one" in result.err
    assert sorted(app.docs("course_search-1")) == ["2", "3"]


def test_a_timestamp_without_zone_is_read_in_the_zone_that_master_json_says(app):
    app.sql("CREATE TABLE event (id int PRIMARY KEY, happened timestamp)")
    # Kolkata's wall clock is hours ahead of UTC: read as UTC, all rows would always lie in the future.
    app.sql(
        "INSERT INTO event SELECT n, (now() - interval '1 hour') AT TIME ZONE 'Asia/Kolkata'"
        " FROM generate_series(1, 3) n"
    )
    prepared(
        app,
        documents="SELECT id AS _id, happened AS _changed_at, happened FROM event",
        master={"changed_at_zone": "Asia/Kolkata"},
    )
    assert update(app)["indexed"] == 3
    assert update(app)["indexed"] == 0
    app.sql("UPDATE event SET happened = now() AT TIME ZONE 'Asia/Kolkata' WHERE id = 2")
    assert update(app)["indexed"] == 1
    # The zone is a part of the instance's own copy.
    courses.declare(app, documents="SELECT 1 AS _id", master={"changed_at_zone": "UTC"})
    app.sql("UPDATE event SET happened = now() AT TIME ZONE 'Asia/Kolkata' WHERE id = 2")
    assert update(app)["indexed"] == 1


def test_a_column_without_zone_is_compared_as_it_stands_so_that_its_index_serves(app):
    app.sql("CREATE TABLE event (id int PRIMARY KEY, happened timestamp NOT NULL)")
    app.sql("INSERT INTO event SELECT n, timestamp '2000-01-01' + n * interval '1 s' FROM generate_series(1, 50000) n")
    app.sql("CREATE INDEX ON event (happened)")
    app.sql("ANALYZE event")
    prepared(
        app,
        documents="SELECT id AS _id, happened AS _changed_at FROM event",
        master={"changed_at_zone": "Asia/Kolkata"},
    )
    app.sql("DELETE FROM event WHERE id > 10")
    update(app)
    app.sql("INSERT INTO event SELECT n, '2000-01-01' FROM generate_series(11, 50000) n")
    app.sql("ANALYZE event")
    before = scans(app)
    assert update(app)["indexed"] == 0
    assert scans(app) == before


def scans(app):
    """Sequential scans of event. Sessions count theirs in when they end, this one when it is told to."""
    app.sql("SELECT pg_stat_force_next_flush()")
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while app.sql(others):
        time.sleep(0.01)
    return app.sql("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'event'")


# When the clocks go back or ahead. The marks around it are in minutes.
NIGHTS = pytest.mark.parametrize("zone, moment, back", [
    ("Europe/Berlin", "2024-10-27 01:00Z", 60),
    ("Australia/Lord_Howe", "2024-04-06 15:00Z", 30),
    ("Antarctica/Troll", "2024-10-27 01:00Z", 120),
    ("America/New_York", "2023-11-05 06:00Z", 60),
    ("Europe/Berlin", "2024-03-31 01:00Z", 0),
    ("Asia/Kolkata", "2024-10-27 01:00Z", 0),
], ids=["berlin", "lord_howe", "troll", "new_york", "spring", "no_change"])
EVENTS = "SELECT id AS _id, happened AS _changed_at, title FROM event"


def night(app, zone, moment):
    """Events every 5 minutes from 8 hours before that moment until 26 hours after it; their ids are minutes after it."""
    app.sql("CREATE TABLE event (id int PRIMARY KEY, happened timestamp NOT NULL, title text)")
    app.sql("INSERT INTO event SELECT m, (%s::timestamptz + m * interval '1 min') AT TIME ZONE %s, ''"
            " FROM generate_series(-480, 1560, 5) m", (moment, zone))
    prepared(app, documents=EVENTS, master={"changed_at_zone": zone})
    update(app)


def read_through(app, moment, minutes):
    """So far the last update has read. The servers' clocks cannot be set, so the mark is."""
    app.sql("UPDATE esmigrate.index_instance SET changed_through = %s::timestamptz + %s * interval '1 min'",
            (moment, minutes))


@NIGHTS
def test_local_time_that_comes_twice_loses_no_change(app, zone, moment, back):
    night(app, zone, moment)
    for mark in (-1439, -150, -119, -61, -59, -29, -16, -1, 0, 1, 31, 61):
        app.sql("UPDATE event SET title = %s", (str(mark),))
        read_through(app, moment, mark)
        update(app)
        read = {int(key) for key, title in courses.titles(app, "course_search-1").items() if title == str(mark)}
        wanted = {minute for minute in range(-480, 1561, 5) if minute >= mark}
        # Some may be read once too often, but only about when the clocks go back.
        least = mark - back if -max(back, 60) < mark < back else mark
        assert wanted <= read and min(read) >= least, (mark, sorted(wanted - read), min(read))


def test_a_change_in_the_hour_that_comes_twice_is_pending_until_it_is_read(app):
    moment = "2024-10-27 01:00Z"
    night(app, "Europe/Berlin", moment)
    app.ok("es_activate", MASTER)
    read_through(app, moment, -15)
    app.sql("UPDATE event SET title = 'Later' WHERE id = 10")
    assert app.sql("SELECT happened::text FROM event WHERE id = 10") == [{"happened": "2024-10-27 02:10:00"}]
    checks = {row["check"]: row for row in app.ok("es_verify", MASTER, "--sample", "1000")}
    assert checks["content"]["numbers"]["pending"] == 1
    [item] = app.ok("es_update", MASTER, "--since", "2024-10-27T00:45:00Z")
    assert item["mode"] == "changed"
    assert courses.titles(app, "course_search-1")["10"] == "Later"
    app.ok("es_verify", MASTER, "--sample", "1000")


# ---- _deleted, _source, _routing


def test_deleted_takes_a_document_out_of_the_index(app):
    courses.make_courses(app)
    app.sql("ALTER TABLE course ADD deleted boolean")
    app.sql("UPDATE course SET deleted = true WHERE id = 1")
    prepared(
        app,
        documents="SELECT id AS _id, changed_at AS _changed_at, deleted AS _deleted, title FROM course",
    )
    item = update(app)
    assert (item["mode"], item["indexed"], item["deleted"]) == ("full", 2, 1)
    # The column itself is no field.
    assert app.docs("course_search-1") == {"2": {"title": "Course 2"}, "3": {"title": "Course 3"}}
    app.sql("UPDATE course SET deleted = true, changed_at = now() WHERE id = 2")
    item = update(app)
    assert (item["mode"], item["indexed"], item["deleted"]) == ("changed", 0, 1)
    assert sorted(app.docs("course_search-1")) == ["3"]
    app.sql("UPDATE course SET deleted = false, changed_at = now() WHERE id = 1")
    assert update(app)["indexed"] == 1
    assert sorted(app.docs("course_search-1")) == ["1", "3"]
    item = update(app, "--full")
    assert (item["indexed"], item["deleted"]) == (2, 1)
    assert sorted(app.docs("course_search-1")) == ["1", "3"]


def test_source_is_the_whole_document(app):
    app.sql("CREATE TABLE page (id text PRIMARY KEY, body jsonb, changed_at timestamptz DEFAULT now())")
    app.sql("""INSERT INTO page VALUES ('a', '{"x": {"y": [1, 2]}, "_id": "mine"}'), ('b', '{}')""")
    prepared(
        app,
        index={"mappings": {"enabled": False}},
        documents="SELECT id AS _id, changed_at AS _changed_at, body - '_id' AS _source FROM page",
    )
    update(app)
    assert app.docs("course_search-1") == {"a": {"x": {"y": [1, 2]}}, "b": {}}


def test_json_text_with_raw_newlines_is_a_document_too(app):
    app.sql("CREATE TABLE page (id text PRIMARY KEY, body json)")
    app.sql("INSERT INTO page VALUES ('a', %s)", ('{\n  "x": "line\\nbreak",\r\n\t"y":\n1\n}',))
    prepared(app, documents="SELECT id AS _id, body AS _source FROM page")
    update(app)
    assert app.docs("course_search-1") == {"a": {"x": "line\nbreak", "y": 1}}


def test_routing_goes_to_the_engine_on_one_shard(app):
    courses.make_courses(app)
    prepared(
        app,
        index={"settings": {"number_of_shards": 1}, "mappings": {"_routing": {"required": True}}},
        documents="SELECT id AS _id, changed_at AS _changed_at, 'r' || id AS _routing, title FROM course",
    )
    update(app)
    hits = courses.search(app, "course_search-1", {})
    assert {hit["_id"]: hit["_routing"] for hit in hits} == {"1": "r1", "2": "r2", "3": "r3"}
    app.sql("DELETE FROM course WHERE id = 2")
    assert update(app, "--full")["deleted"] == 1
    assert sorted(app.docs("course_search-1")) == ["1", "3"]


# ---- _id


def test_an_id_may_be_of_any_type_with_a_text_form(app):
    app.sql("CREATE TABLE thing (id uuid PRIMARY KEY, changed_at timestamptz DEFAULT now() - interval '1 hour')")
    ids = ["00000000-0000-0000-0000-00000000000a", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    for thing in ids:
        app.sql("INSERT INTO thing VALUES (%s)", (thing,))
    prepared(
        app,
        documents="SELECT id AS _id, changed_at AS _changed_at FROM thing",
        changed="SELECT id AS _id FROM thing WHERE changed_at >= $1",
    )
    update(app)
    assert sorted(app.docs("course_search-1")) == ids
    app.sql("UPDATE thing SET changed_at = now() WHERE id = %s", (ids[0],))
    assert update(app)["indexed"] == 1
    app.sql("DELETE FROM thing WHERE id = %s", (ids[1],))
    assert update(app, "--full")["deleted"] == 1


@pytest.mark.parametrize(
    "kind, key",
    [
        ("char(8)", "n || '-key'"),
        ("bit(8)", "n::bit(8)"),
        ("varchar(8)", "n || '-key'"),
        ("numeric(6,2)", "n + 0.25"),
        ("name", "n || '-key'"),
        ('"char"', "chr(64 + n)"),
    ],
)
def test_an_id_whose_type_has_a_length_is_found_again_in_full(app, kind, key):
    """Ids cut to the type's default length would be found nowhere, and so be taken for deleted rows."""
    app.sql(f"CREATE TABLE thing (id {kind} PRIMARY KEY, n int, changed_at timestamptz)")
    app.sql(f"INSERT INTO thing SELECT ({key})::{kind}, n, now() - interval '1 hour' FROM generate_series(1, 20) n")
    prepared(
        app,
        documents="SELECT id AS _id, n FROM thing",
        changed="SELECT id AS _id FROM thing WHERE changed_at >= $1",
    )
    assert update(app)["indexed"] == 20
    app.sql("UPDATE thing SET n = n + 100, changed_at = now() WHERE n <= 5")
    item = update(app)
    assert (item["mode"], item["indexed"], item["deleted"]) == ("changed", 5, 0)
    expected = {row["id"]: {"n": row["n"]} for row in app.sql("SELECT id::text AS id, n FROM thing")}
    assert app.docs("course_search-1") == expected


def test_ids_with_special_characters_are_updated_and_deleted(app):
    app.sql("CREATE TABLE thing (id text PRIMARY KEY, n int, changed_at timestamptz DEFAULT now() - interval '1 hour')")
    app.sql("CREATE TABLE gone (id text)")
    ids = ['a"b', "c\\d", "e'f{,}", "g\nh", "zoë 😀", "x" * 512, " i ", "%5C/?#"]
    for thing in ids:
        app.sql("INSERT INTO thing VALUES (%s, 1)", (thing,))
    prepared(
        app,
        documents="SELECT id AS _id, n FROM thing",
        changed="SELECT id AS _id FROM thing WHERE changed_at >= $1 UNION SELECT id FROM gone",
    )
    assert update(app)["indexed"] == len(ids)
    assert app.docs("course_search-1") == {thing: {"n": 1} for thing in ids}
    app.sql("UPDATE thing SET n = 2, changed_at = now()")
    assert update(app)["indexed"] == len(ids)
    assert app.docs("course_search-1") == {thing: {"n": 2} for thing in ids}
    app.sql("INSERT INTO gone SELECT id FROM thing")
    app.sql("DELETE FROM thing")
    assert update(app)["deleted"] == len(ids)
    assert app.docs("course_search-1") == {}


# ---- changed.sql


DOCUMENTS = """
SELECT c.id AS _id, c.title, count(l.id) AS lessons  -- one ; in a comment
FROM course c LEFT JOIN lesson l ON l.course_id = c.id
WHERE c.title <> 'hidden;'
GROUP BY c.id;
"""
CHANGED = """
SELECT id AS _id FROM course WHERE changed_at >= $1
UNION ALL SELECT course_id FROM lesson WHERE changed_at >= $1
UNION ALL SELECT course_id FROM deleted_course WHERE deleted_at >= $1;
"""


def with_lessons(app):
    courses.make_courses(app, 5)
    app.sql("CREATE TABLE lesson (id int, course_id int, changed_at timestamptz DEFAULT now())")
    prepared(app, documents=DOCUMENTS, changed=CHANGED)
    assert update(app)["indexed"] == 5


def test_changed_sql_finds_what_changed_in_a_joined_table(app):
    with_lessons(app)
    app.sql("INSERT INTO lesson VALUES (1, 2), (2, 2), (3, 2)")
    item = update(app)
    # Course 2 is named three times and sent once.
    assert (item["mode"], item["indexed"], item["deleted"]) == ("changed", 1, 0)
    assert app.docs("course_search-1")["2"] == {"title": "Course 2", "lessons": 3}


def test_an_id_that_documents_sql_no_longer_returns_is_deleted(app):
    with_lessons(app)
    courses.rename(app, 1, "hidden;")
    app.sql("DELETE FROM course WHERE id = 2")
    app.sql("INSERT INTO deleted_course VALUES (2)")
    courses.rename(app, 3, "Three")
    result = app.run("es_update", MASTER, "1", "-o", "json", check=0)
    assert (result.json[0]["indexed"], result.json[0]["deleted"]) == (1, 2)
    assert "--full" not in result.err
    assert sorted(app.docs("course_search-1")) == ["3", "4", "5"]
    assert app.docs("course_search-1")["3"]["title"] == "Three"
    courses.rename(app, 1, "Visible again")
    update(app)
    assert app.docs("course_search-1")["1"]["title"] == "Visible again"


def test_changed_sql_may_name_more_than_one_batch_of_ids(app):
    courses.make_courses(app, 2500)
    prepared(app, documents=courses.DOCUMENTS, changed=courses.CHANGED)
    update(app)
    app.sql("DELETE FROM course WHERE id % 2 = 0")
    app.sql("INSERT INTO deleted_course SELECT n FROM generate_series(2, 2500, 2) n")
    app.sql("UPDATE course SET title = 'New', changed_at = now()")
    item = update(app)
    assert (item["indexed"], item["deleted"]) == (1250, 1250)
    assert app.docs("course_search-1") == {str(number): {"title": "New"} for number in range(1, 2500, 2)}


# ---- what a session may change of a document's text


def test_documents_do_not_depend_on_the_settings_of_role_and_database(app):
    app.sql("CREATE SCHEMA shop")
    app.sql("CREATE TABLE shop.thing (id int, t timestamptz, d date, i interval, b bytea, f float8, m money)")
    app.sql(
        r"INSERT INTO shop.thing VALUES (1, '2024-01-02 03:04:05+00', '2024-01-02', '1 day 2 hours', '\x00ff', 0.1, 5)"
    )
    for setting in (
        "search_path = shop",
        "timezone = 'Asia/Tokyo'",
        "datestyle = 'German'",
        "intervalstyle = 'iso_8601'",
        "bytea_output = 'escape'",
        "extra_float_digits = -15",
    ):
        app.sql(f"ALTER DATABASE {app.database} SET {setting}")
    prepared(
        app,
        index={"mappings": {"enabled": False}},
        documents="SELECT id AS _id, t::text t, d::text d, i::text i, b::text b, f, m::text m FROM thing",
    )
    # The instance keeps the search_path it was created with.
    app.sql(f"ALTER DATABASE {app.database} RESET search_path")
    update(app)
    expected = {
        "t": "2024-01-02 03:04:05+00",
        "d": "2024-01-02",
        "i": "1 day 02:00:00",
        "b": "\\x00ff",
        "f": 0.1,
        "m": "$5.00",
    }
    assert app.docs("course_search-1") == {"1": expected}


def test_the_sql_runs_read_only(app):
    courses.make_courses(app)
    app.sql(
        "CREATE FUNCTION evil() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM course; RETURN 1; END $$"
    )
    prepared(app, documents="SELECT evil() AS _id")
    result = app.fails(5, "es_update", MASTER, "1")
    assert "read-only" in result.err
    assert app.sql("SELECT count(*) AS n FROM course") == [{"n": 3}]
    row = courses.last_action(app)
    assert (row["status"], row["docs_sent"]) == ("failed", 0)


def test_a_history_in_a_database_that_is_read_only_by_default_is_written(app):
    courses.activated(app)
    courses.rename(app, 1, "New")
    app.sql(f"ALTER DATABASE {app.database} SET default_transaction_read_only = on")
    app.ok("es_update", MASTER)
    assert courses.titles(app, "course_search-1")["1"] == "New"
    app.ok("es_deploy", MASTER)
    app.ok("es_drop", MASTER, "1", "--yes", "--force")
    app.postgres.execute(f"ALTER DATABASE {app.database} RESET default_transaction_read_only")
    assert courses.active_index(app) is None


def test_a_read_longer_than_the_idle_timeout_of_the_database_ends_well(app):
    """While the source is read, the sessions of the history and of the locks are idle."""
    courses.make_courses(app)
    app.sql(f"ALTER DATABASE {app.database} SET idle_session_timeout = '2s'")
    prepared(app, documents=f"{courses.DOCUMENTS} WHERE (SELECT pg_sleep(4)) IS NOT NULL")
    item = update(app)
    assert item["indexed"] == 3 and item["seconds"] >= 4
