"""changed.sql (rules R6 and R9): the ids that it names, read by _id in batches or in one pass over documents.sql."""

import signal

import pytest

from courses import MASTER
from faults import Gate, assert_accounted, wait_until

pytestmark = pytest.mark.either

INDEX = {"mappings": {"dynamic": "strict", "properties": {"n": {"type": "integer"}}}}
CHANGED = """
SELECT id AS _id FROM thing WHERE changed_at >= $1
UNION SELECT id FROM gone WHERE at >= $1
"""
BY_ID, PASS = "by _id", "in one pass over documents.sql"


def make_things(app, kind, key, rows):
    """Things 1..rows (n) whose id is the SQL expression `key` of n, changed an hour ago; gone: the ids of deleted ones,
    put there by a trigger."""
    app.sql(f"CREATE TABLE thing (id {kind} PRIMARY KEY, n int, deleted boolean, changed_at timestamptz, pad text)")
    app.sql(f"CREATE TABLE gone (id {kind}, at timestamptz DEFAULT now())")
    app.sql(
        "CREATE FUNCTION bury() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO gone SELECT id FROM old_rows; RETURN NULL; END $$"
    )
    app.sql(
        "CREATE TRIGGER bury AFTER DELETE ON thing REFERENCING OLD TABLE AS old_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION bury()"
    )
    app.sql(
        f"INSERT INTO thing SELECT ({key})::{kind}, n, false, now() - interval '1 hour', repeat('x', 500)"
        f" FROM generate_series(1, {rows}) n"
    )


def created(app, documents="SELECT id AS _id, n FROM thing", changed=CHANGED, index=INDEX, **files):
    app.ok("es_init")
    app.declare(MASTER, index=index, documents=documents, changed=changed, **files)
    app.ok("es_create", MASTER)
    return app.ok("es_update", MASTER, "1")[0]


def update(app, *args, way=None):
    """The item of an update. `way`: how it has to read what changed.sql names."""
    result = app.run("es_update", MASTER, "1", "-v", "-o", "json", *args, check=0)
    if way:
        assert f": read {way} (" in result.err, result
    assert_accounted(app.history()[-1])
    return result.json[0]


def assert_right(app, ids="id::text", where="true"):
    rows = app.sql(f"SELECT {ids} AS id, n FROM thing WHERE {where}")
    assert app.docs(f"{MASTER}-1") == {row["id"]: {"n": row["n"]} for row in rows}


# ---- ids of every type


TYPES = [
    pytest.param("int", "n", "id", id="int"),
    pytest.param("bigint", "n", "lpad(id::text, 6, '0')", id="bigint named as 000007"),
    pytest.param("bigint", "n", "id::numeric(20, 3)", id="bigint named as 7.000"),
    pytest.param("uuid", "md5(n::text)::uuid", "upper(id::text)", id="uuid in upper case"),
    pytest.param("text", "'key ' || n", "id", id="text"),
    pytest.param("text", "'key ' || n", "id::char(20)::varchar", id="text named as varchar"),
    pytest.param("citext", "'Key ' || n", "id", id="citext"),
    pytest.param("citext", "'Key ' || n", "upper(id)", id="citext named in another case"),
    pytest.param("char(20)", "'key ' || n", "id::char(40)", id="char(n)"),
    pytest.param("varchar(20)", "'key ' || n", "id::name", id="varchar"),
    pytest.param("numeric(10,2)", "n + 0.5", "id::float8", id="numeric"),
    pytest.param("numeric", "n || '.0'", "id::float8::int", id="numeric 7.0 named as 7"),
    pytest.param("float8", "n / 3.0", "id", id="float"),
    pytest.param("bytea", "decode(md5(n::text), 'hex')", "id", id="bytea"),
    pytest.param("timestamptz", "'2024-01-01'::timestamptz + n * interval '1 s'", "id::text", id="timestamptz"),
    pytest.param("date", "'2024-01-01'::date + n", "id::timestamp", id="date"),
    pytest.param("interval", "n * interval '1 h'", "id", id="interval"),
    pytest.param("int4range", "int4range(n, n + 1)", "id", id="range"),
    pytest.param("text[]", "ARRAY['a,b', n::text]", "id", id="array"),
]


@pytest.mark.parametrize("kind, key, named", TYPES)
def test_ids_of_any_type_are_read_and_deleted(app, kind, key, named):
    if kind == "citext":
        app.sql("CREATE EXTENSION citext")
    make_things(app, kind, key, 30)
    changed = f"""SELECT {named} AS _id FROM thing WHERE changed_at >= $1
                  UNION ALL SELECT {named} FROM gone WHERE at >= $1"""
    assert created(app, changed=changed)["indexed"] == 30
    app.sql("UPDATE thing SET n = n + 100, changed_at = now() WHERE n <= 10")
    update(app)
    assert_right(app)
    app.sql("DELETE FROM thing WHERE n > 25")
    update(app)
    if (kind, named) in [("numeric", "id::float8::int"), ("citext", "upper(id)")]:
        update(app, "--full")  # the text 7.0 of a row that is gone is not to be had from 7, nor Key from KEY
    assert_right(app)


def test_a_composite_id_may_have_a_null_field(app):
    """Such a value is neither null nor not null."""
    app.sql("CREATE TYPE pair AS (a int, b text)")
    make_things(app, "pair", "(n, CASE WHEN n % 2 = 0 THEN 'x,\"y' END)", 20)
    created(app)
    app.sql("UPDATE thing SET n = n + 100, changed_at = now() WHERE n <= 10")
    app.sql("DELETE FROM thing WHERE n BETWEEN 11 AND 14")
    item = update(app)
    assert (item["indexed"], item["deleted"]) == (10, 4)
    assert_right(app)


@pytest.mark.parametrize("key", ["(id, 'x')", "json_build_array(id)", "point(id, 1)"])
def test_an_id_whose_values_cannot_be_compared_is_compared_as_text(app, key):
    make_things(app, "int", "n", 20)
    documents = f"SELECT {key} AS _id, n FROM thing"
    changed = f"SELECT {key} AS _id FROM ({CHANGED.replace('$1', '$1::timestamptz').replace('_id', 'id')}) c"
    assert created(app, documents, changed)["indexed"] == 20
    app.sql("UPDATE thing SET n = n + 100, changed_at = now() WHERE n <= 10")
    app.sql("DELETE FROM thing WHERE n BETWEEN 11 AND 14")
    item = update(app)
    assert (item["indexed"], item["deleted"]) == (10, 4)
    app.sql("DELETE FROM thing WHERE n = 15")
    assert update(app, "--full")["deleted"] == 1
    assert_right(app, f"({key})::text")


def test_ids_in_different_collations_are_compared(app):
    make_things(app, "text COLLATE \"C\"", "'key ' || n", 2500)
    app.sql("ALTER TABLE gone ALTER id TYPE text COLLATE \"POSIX\"")
    changed = "SELECT id COLLATE \"POSIX\" AS _id FROM thing WHERE changed_at >= $1 UNION ALL SELECT id FROM gone"
    created(app, "SELECT lower(id) AS _id, n FROM thing", changed)
    app.sql("UPDATE thing SET n = n + 10000, changed_at = now()")
    assert update(app, way=PASS)["indexed"] == 2500
    app.sql("DELETE FROM thing WHERE n % 2 = 0")
    app.sql("UPDATE thing SET n = 1, changed_at = now() - interval '1 hour' WHERE n % 10 <> 1")
    update(app)
    assert sorted(app.docs(f"{MASTER}-1")) == sorted(row["id"] for row in app.sql("SELECT id FROM thing"))


def test_ids_that_are_one_to_their_collation_are_two(app):
    """Each of them was put in the place of one in another case, which is gone."""
    app.sql("CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    make_things(app, "text COLLATE any_case", "'Key ' || n", 20)
    created(app, changed=CHANGED.replace("UNION", "UNION ALL"))
    app.sql("DELETE FROM thing")
    app.sql("INSERT INTO thing SELECT lower(id), 1, false, now() FROM gone")
    item = update(app)
    assert (item["indexed"], item["deleted"]) == (20, 20)
    assert_right(app)


def test_null_and_repeated_ids_are_harmless(app):
    make_things(app, "int", "n", 20)
    created(app, changed=f"{CHANGED} UNION ALL SELECT NULL UNION ALL SELECT n / 2 FROM generate_series(6, 9) n")
    item = update(app)
    assert (item["indexed"], item["deleted"]) == (2, 0)  # 3 and 4
    assert_right(app)


def test_a_value_that_is_no_id_is_named(app):
    make_things(app, "bigint", "n", 3)
    created(app, changed="SELECT CASE WHEN $1::timestamptz IS NOT NULL THEN '12x' END AS _id")
    result = app.fails(5, "es_update", MASTER, "1")
    assert 'changed.sql: source database: invalid input syntax for type bigint: "12x"' in result.err
    assert "changed_through stays" in result.err


def test_ids_that_no_engine_takes_are_rejected_or_gone(app):
    """They are cut when they are read (rule R9); those with the same beginning are one."""
    make_things(app, "text", "n", 3)
    created(app)
    app.sql("""INSERT INTO thing VALUES (repeat('x', 9000) || 'a', 1, false, now()),
            (repeat('ü', 257), 2, false, now())""")
    app.run("es_update", MASTER, "1", check=4)
    row = app.history()[-1]
    assert (row["docs_indexed"], row["docs_rejected"]) == (0, 2)
    app.run("es_update", MASTER, "1", check=4)  # read again, and still there
    rejected = app.sql("SELECT left(doc_id, 3) AS id, error_type FROM esmigrate.rejected_document ORDER BY 1")
    assert rejected == [{"id": "xxx", "error_type": "invalid_id"}, {"id": "üüü", "error_type": "invalid_id"}]
    app.sql("DELETE FROM gone")
    app.sql("DELETE FROM thing WHERE length(id) > 10")
    item = update(app)
    assert (item["indexed"], item["deleted"], item["rejected"]) == (0, 2, 0)
    assert app.sql("SELECT FROM esmigrate.rejected_document") == []


# ---- which way it is read


SHAPES = {
    "plain": ("SELECT id AS _id, n FROM thing", BY_ID),
    "id::text": ("SELECT id::text AS _id, n FROM thing", PASS),
    "limit": ("SELECT id AS _id, n FROM thing ORDER BY id LIMIT 1000000", PASS),
    "group by": ("SELECT t.id AS _id, t.n + count(g.at) AS n FROM thing t LEFT JOIN gone g USING (id) GROUP BY t.id", BY_ID),
    "greatest": (
        "SELECT t.id::text AS _id, greatest(t.changed_at, max(g.at)) AS _changed_at, t.n FROM thing t"
        " LEFT JOIN gone g USING (id) GROUP BY t.id",
        PASS,
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_no_index_serves_is_read_in_one_pass(app, shape):
    documents, way = SHAPES[shape]
    make_things(app, "int", "n", 12000)
    app.sql("ANALYZE thing")
    assert created(app, documents)["indexed"] == 12000
    app.sql("UPDATE thing SET n = n + 100000, changed_at = now() WHERE n <= 1500")
    app.sql("DELETE FROM thing WHERE n BETWEEN 1501 AND 2000")
    app.sql("ANALYZE thing")
    item = update(app, way=way)
    assert (item["indexed"], item["deleted"]) == (1500, 500)
    assert_right(app)
    app.sql("UPDATE thing SET changed_at = now() - interval '1 hour'")
    app.sql("DELETE FROM gone")
    app.sql("UPDATE thing SET n = n + 1, changed_at = now() WHERE n > 101000")
    result = app.run("es_update", MASTER, "1", "-v", check=0)
    assert BY_ID not in result.err and PASS not in result.err  # one batch: there is nothing to choose
    assert_right(app)


def passing(app, rows=3000, extra="", index=INDEX, **files):
    """Things that are read in one pass once more than a batch of them changed."""
    make_things(app, "int", "n", rows)
    return created(app, f"SELECT id::text AS _id, n{extra} FROM thing", index=index, **files)


def touch(app, what="n = n + 10000"):
    app.sql(f"UPDATE thing SET {what}, changed_at = now()")


def test_a_type_whose_equal_values_differ_as_text_is_never_read_in_a_pass(app):
    make_things(app, "numeric", "n || '.0'", 2500)
    created(app, "SELECT id + 0 AS _id, n FROM thing", CHANGED.replace("SELECT id", "SELECT trim_scale(id)"))
    touch(app)
    result = app.run("es_update", MASTER, "1", "-v", "-o", "json", check=0)
    assert ": read by _id (" in result.err and "no pass" in result.err
    assert result.json[0]["indexed"] == 2500
    assert_right(app, "(id + 0)::text")


def test_deleted_rows_come_and_go_whatever_the_way(app):
    passing(app, extra=", deleted AS _deleted, changed_at AS _changed_at")
    for _ in range(2):
        touch(app, "deleted = n % 3 = 0")
        item = update(app, way=PASS)
        assert (item["indexed"], item["deleted"]) == (2000, 1000)
        assert_right(app, where="NOT deleted")
        touch(app, "deleted = n % 3 = 1")
        update(app, way=PASS)
        assert_right(app, where="NOT deleted")
        app.sql("UPDATE thing SET changed_at = now() - interval '1 hour'")
        app.sql("UPDATE thing SET deleted = NOT deleted, changed_at = now() WHERE n <= 100")
        update(app)
        assert_right(app, where="NOT deleted")
        app.sql("UPDATE thing SET deleted = false, changed_at = now() WHERE n <= 50")
        update(app)
        assert_right(app, where="NOT deleted")


def test_a_null_changed_at_is_counted_of_documents_only(app):
    """An id that is gone has no _changed_at either."""
    passing(app, extra=", CASE WHEN n % 10000 > 2 THEN changed_at END AS _changed_at")
    app.sql("DELETE FROM thing WHERE n > 2900")
    touch(app)
    result = app.run("es_update", MASTER, "1", "-v", check=0)
    assert PASS in result.err
    assert ": 2 documents have a null _changed_at" in result.err


def test_rejected_documents_are_read_once_in_a_pass(app):
    make_things(app, "int", "n", 3000)
    created(app, "SELECT id::text AS _id, CASE WHEN n = 10007 THEN '\"bad\"'::json ELSE to_json(n) END AS n FROM thing")
    touch(app)
    for retried in (0, 1):  # the second time it is read by _id first, and then named once more
        result = app.run("es_update", MASTER, "1", "-v", check=4)
        assert PASS in result.err
        row = app.history()[-1]
        assert (row["docs_sent"], row["docs_indexed"], row["docs_rejected"]) == (3000, 2999, 1), retried
    app.sql("UPDATE thing SET n = 1, changed_at = now() WHERE n = 10007")
    assert update(app, way=PASS)["indexed"] == 3000
    assert_right(app)


def test_a_row_that_fails_in_a_pass_is_told(app):
    make_things(app, "int", "n", 3000)
    created(app, "SELECT id::text AS _id, (n * (n - 12345) / (n - 12345))::int AS n FROM thing")
    touch(app)
    result = app.fails(5, "es_update", MASTER, "1", "-v")
    assert PASS in result.err and "documents.sql: source database: division by zero" in result.err
    app.sql("UPDATE thing SET n = 1, changed_at = now() WHERE n = 12345")
    assert update(app, way=PASS)["indexed"] == 3000
    assert_right(app)


def test_a_pass_can_be_stopped(app):
    make_things(app, "int", "n", 3000)
    created(app, "SELECT id::text AS _id, CASE WHEN n > 10000 THEN n + length(pg_sleep(0.1)::text) ELSE n END AS n FROM thing")
    touch(app)
    process = app.start("es_update", MASTER, "1", "-v")
    asleep = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    wait_until(lambda: app.sql(asleep))
    process.signal(signal.SIGINT)
    result = process.wait(20, check=130)
    assert PASS in result.err
    assert not app.sql(asleep)
    assert app.history()[-1]["status"] == "interrupted"


# ---- one snapshot


def test_ids_and_documents_are_of_one_snapshot(app):
    """What commits after the ids were read and before the documents are is for the next update."""
    make_things(app, "int", "n", 5)
    gate = Gate(app, 3)
    created(app, changed="SELECT id AS _id FROM thing WHERE changed_at >= $1 AND gate(id) UNION ALL SELECT id FROM gone")
    touch(app)
    gate.close()
    process = app.start("es_update", MASTER, "1")
    gate.wait()
    app.sql("UPDATE thing SET n = -1, changed_at = now() WHERE id = 4")
    app.sql("DELETE FROM thing WHERE id = 5")
    app.sql("INSERT INTO thing VALUES (6, 6, false, now())")
    gate.open()
    process.wait(check=0)
    assert app.docs(f"{MASTER}-1") == {str(n): {"n": n + 10000} for n in range(1, 6)}
    update(app)
    assert_right(app)
