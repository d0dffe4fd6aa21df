"""es_track: deletes and changes of joined tables, by whichever SQL, are in the next update."""

import contextlib
import threading

import courses
import psycopg
import pytest
from faults import wait_until

pytestmark = pytest.mark.either

MASTER = courses.MASTER
INDEX = {"mappings": {"dynamic": "strict", "properties": {"title": {"type": "text"}, "lessons": {"type": "text"}}}}
# No _changed_at: what is found to have changed is what the trackers recorded.
DOCUMENTS = """
SELECT c.id AS _id, c.title,
       (SELECT coalesce(string_agg(l.name, ', ' ORDER BY l.id), '') FROM lesson l WHERE l.course_id = c.id) AS lessons
FROM course c
"""
NO_OVERLAP = {"overlap": "0 seconds"}


@contextlib.contextmanager
def role(app, suffix, options="LOGIN"):
    name = app.prefix + suffix
    app.sql(f"CREATE ROLE {name} {options}")
    try:
        yield name
    finally:
        app.sql(f"DROP OWNED BY {name}")
        app.sql(f"DROP ROLE {name}")


def make_tables(app):
    app.sql("CREATE TABLE course (id int PRIMARY KEY, title text)")
    app.sql("CREATE TABLE lesson (id int PRIMARY KEY, course_id int REFERENCES course ON DELETE CASCADE, name text)")
    fill_tables(app)


def fill_tables(app):
    """Courses 1..20 with two lessons each: lesson n is of course 1 + n % 20."""
    app.sql("TRUNCATE course, lesson")
    app.sql("INSERT INTO course SELECT n, 'Course ' || n FROM generate_series(1, 20) n")
    app.sql("INSERT INTO lesson SELECT n, 1 + n % 20, 'Lesson ' || n FROM generate_series(1, 40) n")


def track(app, table, expression, *options):
    """The tracker, made: the object that -o json prints."""
    return app.ok("es_track", MASTER, "--table", table, "--id", expression, "--apply", "--yes", *options)


def tracked(app):
    """course_search-1, active, of two tables that are tracked."""
    make_tables(app)
    app.ok("es_init")
    app.declare(MASTER, index=INDEX, documents=DOCUMENTS, master=NO_OVERLAP)
    made = [track(app, "course", "abs(id)"), track(app, "lesson", "course_id")]
    app.declare(MASTER, changed="\nUNION ".join(tracker["changed_sql"] for tracker in made))
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "1")
    app.ok("es_activate", MASTER)
    return [tracker["tracker"] for tracker in made]


def expected(app):
    return {str(row["_id"]): {"title": row["title"], "lessons": row["lessons"]} for row in app.sql(DOCUMENTS)}


def assert_current(app, index="course_search-1"):
    assert app.docs(index) == expected(app)


def recorded(app, tracker=None):
    rows = app.sql("SELECT tracker, doc_id FROM esmigrate_source.change")
    return sorted(row["doc_id"] for row in rows if tracker in (None, row["tracker"]))


def age(app, interval):
    """As if all that is recorded, and the trackers, were that much older, for full updates that only the clock tells."""
    app.sql("UPDATE esmigrate.full_load SET trackers = NULL")
    app.sql("UPDATE esmigrate_source.change SET changed_at = changed_at - %s::interval", (interval,))
    app.sql("UPDATE esmigrate_source.tracker SET began_at = began_at - %s::interval", (interval,))


# ---- every writer


@pytest.fixture(scope="module")
def shared_school(postgres_server, engine, tmp_path_factory):
    app = courses.own_app(postgres_server, engine, tmp_path_factory.mktemp("school"))
    tracked(app)
    app.sql("CREATE SCHEMA shadow; CREATE TABLE shadow.change (tracker text, doc_id text);"
            " CREATE FUNCTION shadow.abs(int) RETURNS int LANGUAGE sql AS 'SELECT 0'")
    with role(app, "writer") as writer:
        app.sql(f"GRANT INSERT, UPDATE, DELETE, TRUNCATE, SELECT ON course, lesson TO {writer}")
        yield app
    app.clean_up()


@pytest.fixture
def school(shared_school):
    """course_search-1 is current, and nothing is recorded since."""
    fill_tables(shared_school)
    shared_school.ok("es_update", MASTER)
    shared_school.sql("DELETE FROM esmigrate_source.change")
    return shared_school


WRITERS = {
    "insert": ("INSERT INTO lesson VALUES (101, 1, 'a'), (102, 1, 'b'), (103, 2, 'c')", {1, 2}),
    "update": ("UPDATE lesson SET name = 'Renamed' WHERE course_id IN (3, 4)", {3, 4}),
    "key_change": ("UPDATE lesson SET course_id = 6 WHERE course_id = 5", {5, 6}),
    "id_change": ("BEGIN; DELETE FROM lesson WHERE course_id = 5; UPDATE course SET id = 200 WHERE id = 5; COMMIT", {5, 200}),
    "delete": ("DELETE FROM lesson WHERE course_id = 7", {7}),
    "on_conflict": ("INSERT INTO lesson VALUES (104, 8, 'new'), (16, 9, 'moved')"
                    " ON CONFLICT (id) DO UPDATE SET course_id = excluded.course_id", {8, 9, 17}),
    "cascade": ("DELETE FROM course WHERE id = 10", {10}),
    "cte": ("WITH gone AS (DELETE FROM lesson WHERE course_id = 11 RETURNING *),"
            " moved AS (UPDATE lesson SET name = name || '!' WHERE course_id = 12)"
            " INSERT INTO course SELECT 300 + count(*), 'Of a CTE' FROM gone", {11, 12, 302}),
    "null": ("UPDATE lesson SET course_id = NULL WHERE course_id = 13; INSERT INTO lesson VALUES (105, NULL, 'x')", {13}),
    "replica": ("SET session_replication_role = replica; UPDATE course SET title = 'Loaded' WHERE id = 14", {14}),
    "search_path": ("SET search_path = shadow, pg_catalog; UPDATE public.course SET title = 'Shadow' WHERE id = 15", {15}),
    "code": ("DO $$ BEGIN EXECUTE 'UPDATE course SET title = ''Done'' WHERE id = 16'; END $$", {16}),
    "several": ("BEGIN; DELETE FROM lesson WHERE course_id = 17; COMMIT AND CHAIN;"
                " UPDATE course SET title = 'Chained' WHERE id = 18; COMMIT; DELETE FROM lesson WHERE id = 1", {2, 17, 18}),
    "rollback": ("BEGIN; DELETE FROM course; ROLLBACK", set()),
    "savepoint": ("BEGIN; UPDATE course SET title = 'Kept' WHERE id = 18; SAVEPOINT a;"
                  " DELETE FROM course WHERE id = 19; ROLLBACK TO a; COMMIT", {18}),
    "merge": ("MERGE INTO lesson l USING (VALUES (18, 'merged'), (17, NULL), (999, 'made')) v (id, name) ON v.id = l.id"
              " WHEN MATCHED AND v.name IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET course_id = 20"
              " WHEN NOT MATCHED THEN INSERT VALUES (v.id, 1, v.name)", {1, 18, 19, 20}),
    "truncate": ("TRUNCATE lesson", set(range(1, 21))),
    "truncate_cascade": ("TRUNCATE course CASCADE", set(range(1, 21))),
    "other_role": ("SET ROLE {writer}; UPDATE lesson SET course_id = 3 WHERE id = 1; DELETE FROM course WHERE id = 20;"
                   " TRUNCATE lesson", set(range(1, 21))),
    "other_role_deletes": ("SET ROLE {writer}; DELETE FROM course WHERE id = 20", {20}),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_any_sql_changes_is_in_the_next_update_and_nothing_else(school, writer):
    statements, changed = WRITERS[writer]
    if writer == "merge" and school.sql("SHOW server_version_num")[0]["server_version_num"] < "150000":
        pytest.skip("MERGE is of PostgreSQL 15")
    with contextlib.closing(school.connect()) as connection:
        connection.execute(statements.replace("{writer}", school.prefix + "writer"))
    assert_next_update_brings(school, changed)


def assert_next_update_brings(app, changed):
    assert {int(doc_id) for doc_id in recorded(app)} == changed
    there = {row["id"] for row in app.sql("SELECT id FROM course")}
    [item] = app.ok("es_update", MASTER)
    assert (item["mode"], item["indexed"], item["deleted"]) == ("changed", len(changed & there), len(changed - there))
    assert_current(app)


def test_what_copy_writes_is_in_the_next_update(school):
    with contextlib.closing(school.connect()) as connection:
        with connection.cursor().copy("COPY lesson FROM STDIN") as copy:
            for row in ((201, 1, "a"), (202, 1, "b"), (203, 4, "c")):
                copy.write_row(row)
    assert_next_update_brings(school, {1, 4})


def test_a_statement_records_each_document_once(school):
    school.sql("INSERT INTO lesson SELECT 1000 + n, 1 + n % 2, 'Many' FROM generate_series(1, 5000) n")
    assert recorded(school) == ["1", "2"]


def test_records_of_another_tracker_are_not_cast_to_the_type_of_this_one(school):
    """Also where they are read together with them, by a sequential scan."""
    school.sql("INSERT INTO esmigrate_source.change SELECT 'another', 'c-' || n FROM generate_series(1, 1000) n")
    school.sql("UPDATE course SET title = 'Changed' WHERE id = 4")
    for method in ("indexscan", "indexonlyscan", "bitmapscan"):
        school.sql(f"ALTER DATABASE {school.database} SET enable_{method} = off")
    try:
        assert school.ok("es_update", MASTER)[0]["indexed"] == 1
    finally:
        school.sql(f"ALTER DATABASE {school.database} RESET ALL")


def test_a_change_that_commits_after_an_update_is_in_the_next_one(school):
    with contextlib.closing(school.connect()) as late:
        late.execute("BEGIN; DELETE FROM lesson WHERE course_id = 3")
        for _ in range(2):
            school.ok("es_update", MASTER)
        assert school.docs("course_search-1")["3"]["lessons"] != ""
        late.execute("COMMIT")
    [item] = school.ok("es_update", MASTER)
    assert item["indexed"] == 1
    assert_current(school)


def test_writers_and_updates_at_the_same_time_leave_nothing_behind(school):
    stop, errors = threading.Event(), []

    def write(number):
        try:
            with contextlib.closing(school.connect()) as connection:
                for step in range(1000):
                    course = 1 + (step * 7 + number) % 20
                    connection.execute(
                        f"BEGIN; UPDATE lesson SET course_id = {course} WHERE id = {1 + (step + 10 * number) % 40};"
                        f" SELECT pg_sleep({(step % 5) / 50});"
                        f" DELETE FROM lesson WHERE id > 1000 AND id % 4 = {number};"
                        f" INSERT INTO lesson VALUES ({1000 + 4 * step + number}, {course}, 'New'); COMMIT")
                    if stop.is_set():
                        return
        except psycopg.Error as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(8):
        school.ok("es_update", MASTER)
    stop.set()
    for writer in writers:
        writer.join()
    assert not [error for error in errors if not isinstance(error, psycopg.errors.DeadlockDetected)]
    school.ok("es_update", MASTER)
    assert_current(school)


# ---- tables and expressions


def ids_after(app, table, expression, *statements):
    """What a tracker of its own records of them."""
    tracker = track(app, table, expression)["tracker"]
    for statement in statements:
        app.sql(statement)
    return recorded(app, tracker)


@pytest.fixture
def declared(app):
    make_tables(app)
    app.ok("es_init")
    app.declare(MASTER, index=INDEX, documents=DOCUMENTS, master=NO_OVERLAP)
    return app


def test_names_of_any_kind(declared):
    long = "Ü" * 20 + "x" * 23  # 63 bytes
    declared.sql(f'CREATE SCHEMA "My ""Schema"; CREATE TABLE "My ""Schema"."{long}" ("Order" int, "found" text, tg_op text);'
                 ' CREATE TABLE "SELECT (" (id int)')
    table = f'"My ""Schema"."{long}"'
    written = [f"INSERT INTO {table} VALUES (1, 'a', 'b')", f"UPDATE {table} SET \"Order\" = 2", f"TRUNCATE {table}"]
    assert ids_after(declared, table, '"Order"', *written) == ["1", "1", "2", "2"]
    assert ids_after(declared, table, "found || tg_op", *written) == ["ab"] * 3
    assert ids_after(declared, '"SELECT ("', '"SELECT (".id', 'INSERT INTO "SELECT (" VALUES (7)') == ["7"]
    names = [row["name"] for row in declared.sql("SELECT name FROM esmigrate_source.tracker")]
    assert len(set(names)) == 3 and all(len(name) <= 54 for name in names)


def test_expressions_of_any_kind(declared):
    insert = "INSERT INTO lesson VALUES ((SELECT max(id) + 1 FROM lesson), 4, 'It''s 100 %')"
    for expression, ids in (
        ("'c-' || course_id -- with its prefix", ["c-4"]),
        ("E'\\\\' || course_id || $$'%s$$ || $esmigrate$x$esmigrate$", ["\\4'%sx"]),
        ("unnest(ARRAY[course_id, id - id, NULL])", ["0", "4"]),
        ("(SELECT c.title FROM public.course c WHERE c.id = lesson.course_id)", ["Course 4"]),
        ("name", ["It's 100 %"]),
        ("nullif(course_id, 4)", []),
    ):
        assert ids_after(declared, "public.lesson", expression, insert) == ids, expression


def test_what_is_recorded_does_not_depend_on_the_settings_of_who_writes(declared):
    declared.sql("CREATE TABLE fact (day date, at timestamptz, share float8, span interval, raw bytea)")
    expression = r"concat_ws('\', day, at, share, span, raw)"
    tracker = track(declared, "fact", expression)["tracker"]
    with contextlib.closing(declared.connect()) as writer:
        for setting in ("DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Kolkata'", "extra_float_digits = -5",
                        "IntervalStyle = 'iso_8601'", "bytea_output = 'escape'", "standard_conforming_strings = off"):
            writer.execute(f"SET {setting}")
        writer.execute("INSERT INTO fact SELECT '05/03/2026', '05/03/2026 15:30', 0.1234567890123456, '1 day', decode('00ff', 'hex')")
        writer.execute("TRUNCATE fact")
    assert recorded(declared, tracker) == [r"2026-03-05\2026-03-05 10:00:00+00\0.1234567890123456\1 day\\x00ff"] * 2


def test_a_partitioned_table_is_tracked_where_it_is_written_to_by_its_name(declared):
    declared.sql("CREATE TABLE event (id int, course_id int) PARTITION BY RANGE (id);"
                 " CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (100);"
                 " CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (100) TO (200)")
    moves = ["INSERT INTO event VALUES (1, 3), (2, 4)", "UPDATE event SET id = 150, course_id = 5 WHERE id = 1"]
    result = declared.run("es_track", MASTER, "--table", "event", "--id", "course_id", check=0)
    assert "public.event is partitioned: what is written to a partition by its own name" in result.err
    assert ids_after(declared, "event", "course_id", *moves, "TRUNCATE event") == ["3", "3", "4", "4", "5", "5"]
    assert "public.event_1 is a partition" in declared.run(
        "es_track", MASTER, "--table", "event_1", "--id", "course_id", check=0).err
    assert ids_after(declared, "event_1", "course_id", "INSERT INTO event_1 VALUES (5, 6)") == ["6"]


def test_an_inheriting_table_is_named(declared):
    declared.sql("CREATE TABLE special_lesson () INHERITS (lesson); INSERT INTO special_lesson VALUES (500, 9, 'Child')")
    result = declared.run("es_track", MASTER, "--table", "lesson", "--id", "course_id", check=0)
    assert "has tables that inherit from it" in result.err
    # Through the parent its rows are seen too.
    assert ids_after(declared, "lesson", "course_id", "UPDATE lesson SET name = 'x' WHERE id = 500") == ["9"]


@contextlib.contextmanager
def subscribed(app, table="lesson"):
    """As if replication filled the table."""
    app.sql("CREATE SUBSCRIPTION feed CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false, slot_name = NONE)")
    try:
        app.sql(f"INSERT INTO pg_subscription_rel SELECT oid, '{table}'::regclass, 'r' FROM pg_subscription")
        yield
    finally:
        app.sql("DROP SUBSCRIPTION feed")


def test_a_table_that_replication_fills_is_refused(declared):
    with subscribed(declared):
        refused = declared.fails(2, "es_track", MASTER, "--table", "lesson", "--id", "course_id")
        assert "public.lesson is filled by a subscription" in refused.err


def test_a_subscription_that_is_made_later_is_noticed(app):
    tracked(app)
    app.declare(MASTER, master={"overlap": "0 seconds"})
    with subscribed(app):
        refused = app.fails(1, "es_update", MASTER)
        assert "public.lesson is filled by a subscription, and replication fires no triggers" in refused.err
    app.ok("es_update", MASTER)
    # Also under another name than it had.
    app.sql("ALTER TABLE lesson RENAME TO unit; CREATE VIEW lesson AS SELECT * FROM unit")
    with subscribed(app, "unit"):
        assert "is filled by a subscription" in app.fails(1, "es_update", MASTER).err
    app.ok("es_update", MASTER)


def test_a_partition_that_a_subscription_fills_is_noticed(declared):
    declared.sql("CREATE TABLE event (id int, course_id int) PARTITION BY RANGE (id);"
                 " CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (100)")
    declared.declare(MASTER, changed=track(declared, "event", "course_id")["changed_sql"])
    declared.ok("es_create", MASTER)
    declared.ok("es_update", MASTER, "1")
    with subscribed(declared, "event_1"):
        assert "is filled by a subscription" in declared.fails(1, "es_update", MASTER, "1").err
        assert "is filled by a subscription" in declared.fails(
            2, "es_track", MASTER, "--table", "event", "--id", "course_id").err
    declared.ok("es_update", MASTER, "1")


# ---- the SQL


def test_the_printed_sql_runs_as_it_stands_and_twice(declared):
    printed = declared.run("es_track", MASTER, "--table", "lesson", "--id", "course_id", check=0).out
    json = declared.ok("es_track", MASTER, "--table", "lesson", "--id", "course_id")
    assert set(json) == {"id", "action", "master", "table", "tracker", "result", "ddl", "changed_sql"}
    assert (json["id"], json["result"], json["table"], json["master"]) == (None, "printed", "public.lesson", MASTER)
    assert printed.startswith(json["ddl"]) and printed.endswith(f"\n-- {json['changed_sql']}\n")
    assert declared.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'esmigrate_source'") == []
    declared.sql(printed)
    before = declared.sql("SELECT * FROM esmigrate_source.tracker")
    with contextlib.closing(declared.connect()) as writer:
        # Triggers that are there are not made again, so that nobody waits for anybody.
        writer.execute("BEGIN; UPDATE lesson SET name = 'Busy'")
        declared.sql("SET lock_timeout = '1s'")
        declared.sql(json["ddl"])
        writer.execute("ROLLBACK")
    assert declared.sql("SELECT * FROM esmigrate_source.tracker") == before
    assert declared.sql("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'lesson'::regclass AND NOT tgisinternal"
                        " AND tgname LIKE 'course_search%%'")[0]["count"] == 4
    declared.sql("DROP SCHEMA esmigrate_source CASCADE; DELETE FROM lesson")


def test_the_select_has_the_type_of_id_and_follows_union(declared):
    changed_sql = declared.ok("es_track", MASTER, "--table", "lesson", "--id", "course_id")["changed_sql"]
    assert changed_sql.startswith("SELECT doc_id::integer AS _id FROM esmigrate_source.change WHERE tracker = '")
    for kind, cast in (("text", ""), ("uuid", "::uuid"), ("varchar(9)", '::character varying'), ("bigint", "::bigint")):
        declared.declare(MASTER, documents=f"SELECT NULL::{kind} AS _id, 'x' AS title;")
        made = track(declared, "lesson", "course_id")
        assert made["changed_sql"].startswith(f"SELECT doc_id{cast} AS _id FROM")
        declared.declare(MASTER, changed=f"SELECT NULL::{kind} AS _id UNION {made['changed_sql']}")
        declared.ok("es_create", MASTER)


def test_without_a_declaration_the_newest_instance_tells_the_type(declared):
    declared.ok("es_create", MASTER)
    made = declared.ok("es_track", MASTER, "--table", "lesson", "--id", "course_id", env={"ESMIGRATE_INDEXES": "none"})
    assert "doc_id::integer" in made["changed_sql"]


def test_printing_writes_nothing_and_needs_no_history(app):
    make_tables(app)
    app.declare(MASTER, index=INDEX, documents=DOCUMENTS)
    app.sql("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no DDL'; END $$")
    app.sql("CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()")
    made = app.ok("es_track", MASTER, "--table", "lesson", "--id", "course_id")
    assert made["result"] == "printed"
    assert app.sql("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'esmigrate%%'") == []


def test_a_renamed_table_can_be_truncated(app):
    tracked(app)
    app.sql('ALTER TABLE lesson RENAME TO "Unit\'s"; DELETE FROM esmigrate_source.change')
    app.sql('TRUNCATE "Unit\'s"')
    assert len(recorded(app)) > 3


# ---- applying


def test_apply_writes_a_row_of_the_master(declared):
    made = track(declared, "lesson", "course_id", "--tag", "release 7")
    row = courses.last_action(declared)
    assert (str(row["id"]), row["action"], row["status"], row["result"]) == (made["id"], "track", "complete", "applied")
    assert (row["master"], row["instance"], row["tag"]) == (MASTER, None, "release 7")
    assert made["result"] == "applied"


def test_apply_asks_and_a_dry_run_changes_nothing(declared):
    words = ["es_track", MASTER, "--table", "lesson", "--id", "course_id", "--apply"]
    before = courses.everything(declared)
    declared.fails(8, *words)
    assert "dry run: nothing was changed" in declared.run(*words, "--yes", "--dry-run", check=0).err
    code, shown = declared.terminal(*words, answers=[("[y/N]", "n\n")])
    assert code == 8 and "CREATE TRIGGER" in shown
    assert courses.everything(declared) == before
    assert declared.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'esmigrate_source'") == []
    code, shown = declared.terminal(*words, answers=[("[y/N]", "y\n")])
    assert code == 0
    assert declared.sql("SELECT source_table FROM esmigrate_source.tracker") == [{"source_table": "public.lesson"}]


def test_the_owner_applies_and_prunes_what_the_reader_only_reads(declared):
    with role(declared, "reader") as reader:
        declared.sql(f"GRANT SELECT ON course, lesson TO {reader}; GRANT pg_read_all_stats TO {reader}")
        declared.env["ESMIGRATE_SOURCE"] = declared.conninfo.replace("user=postgres", f"user={reader}")
        refused = declared.fails(5, "es_track", MASTER, "--table", "lesson", "--id", "course_id", "--apply", "--yes")
        assert "--owner CONNINFO or ESMIGRATE_SOURCE_OWNER" in refused.err
        declared.env["ESMIGRATE_SOURCE_OWNER"] = declared.conninfo
        made = track(declared, "lesson", "course_id")
        assert f"TO {reader};" in made["ddl"]
        declared.declare(MASTER, changed=made["changed_sql"])
        declared.ok("es_create", MASTER)
        declared.ok("es_update", MASTER, "1")
        declared.sql("DELETE FROM lesson WHERE course_id = 1")
        assert declared.ok("es_update", MASTER, "1")[0]["indexed"] == 1
        assert_current(declared)
        age(declared, "8 days")
        assert [item["removed"] for item in declared.ok("es_track", "--prune")] == [1]
        declared.sql(f"REVOKE SELECT ON esmigrate_source.tracker FROM {reader}")
        assert "GRANT SELECT" in declared.fails(5, "es_update", MASTER, "1").err
        declared.fails(2, "es_track", MASTER, "--table", "lesson", "--id", "course_id", "--apply", "--yes",
                       "--owner", declared.postgres.conninfo("postgres"))


def test_a_killed_apply_is_settled_by_the_next_command(declared):
    with contextlib.closing(declared.connect()) as writer:
        writer.execute("BEGIN; UPDATE lesson SET name = 'Busy'")
        process = declared.start("es_track", MASTER, "--table", "lesson", "--id", "course_id", "--apply", "--yes",
                                 "--lock-timeout", "60")
        wait_until(lambda: declared.sql("SELECT 1 FROM pg_locks WHERE relation = 'lesson'::regclass AND NOT granted"))
        process.kill()
        writer.execute("ROLLBACK")
    declared.ok("es_create", MASTER)
    [killed] = [row for row in declared.history() if row["action"] == "track"]
    assert (killed["status"], killed["error"]) == ("interrupted", "the run ended without saying how")
    track(declared, "lesson", "course_id")
