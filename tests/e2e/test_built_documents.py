"""Documents that are built out of columns are, byte for byte, what row_to_json() writes of the same rows."""

import json

import psycopg
import pytest

from faults import assert_accounted, through_proxy

pytestmark = pytest.mark.either

ANYTHING = {"mappings": {"enabled": False}}
# As esmigrate pins them.
SETTINGS = (
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';"
    " SET extra_float_digits = 1; SET lc_monetary = 'C'"
)
# Each is tried as a value of every type.
LITERALS = r"""
0|1|-1|7|9|10|99|100|101|1234|12345|32767|-32768|2147483647|-2147483648|4294967295|9223372036854775807
-9223372036854775808|t|f|0.1|-0.1|1.0|1.50|0.0000|1e-7|0.00001234|1e15|1e16|1e20|123456.789|1e-310|1e308|-0
10000|9999|9999.9999|10000.0001|100000000|0.0001|0.00010000|12345678901234567890.123456789012345678901234567890
1e100|1e-100|1e1000|1e131071|1e-16383|-99999999999999999999.5|NaN|Infinity|-Infinity|infinity|-infinity
a|A b|"quoted"|back\\slash|/|<&>'|é|ß€|😀|line\nbreak|\r\n|tab\t|\b\f|\x01\x1f\x7f|long enough for words of eight bytes
"at the very end"|exactly8|eight89\\|x "y" z and so on, and \t so on, and "so" on|2000-01-01|1999-12-31|2000-02-29
1900-03-01|1970-01-01|0001-01-01|0044-03-15 BC|0001-12-31 BC|0005-02-29 BC|4714-11-24 BC|9999-12-31|10000-01-01
294276-12-31|5874897-12-31|2024-06-01 12:34:56|2024-06-01 12:34:56.789|2024-06-01 12:34:56.000001+02
2024-06-01 23:59:59.999999-11:30|1999-12-31 23:59:59.5+00|0044-03-15 12:00:00.25 BC|4714-11-24 00:00:00 BC
294276-12-31 23:59:59.999999|12:34:56|12:34:56.789+05:30|24:00:00|1 day|-1 year 2 mons 3 days 04:05:06.789
00000000-0000-0000-0000-000000000000|A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11|\\x00ff61|\\x|10.1.2.3/24|::1|10.1.2.0/24
08:00:2b:01:02:03|08:00:2b:01:02:03:04:05|(1,2)|((1,2),(3,4))|[(1,2),(3,4)]|<(1,2),3>|{1,2,3}|101|1010101|12.34|$-5.67
pg_class|int4|pg_catalog.int4|=|+(int4,int4)|abs(int4)|pg_catalog|english|simple|postgres|0/16B3748|1:2:
(0,1)|'a':1 b:2|fat & (rat | cat)|$.a[*] ? (@ > 1)|{"a": 1}|{"b":\n [1, 2 ,{"c":"\\u00e9\\n\\u0001"}]}|[]|null|"text"|{}
[1,5)|(,)|empty|[2000-01-01,2001-01-01)|{[1,2),[5,6)}|[1.5,2.5]|{}|1 2 3|de_DE|C
"""
UNREADABLE = {"pg_brin_bloom_summary", "pg_brin_minmax_multi_summary", "pg_dependencies", "pg_mcv_list", "pg_ndistinct",
              "pg_node_tree", "gtsvector"}  # nobody can write a value of these


def literals():
    texts = [text for line in LITERALS.strip().split("\n") for text in line.split("|")]
    return ["", " ", "  x  ", *(text.encode().decode("unicode_escape").encode("latin1").decode() for text in texts)]


def as_value(text, kind):
    return psycopg.sql.SQL("{}::{}").format(psycopg.sql.Literal(text), psycopg.sql.SQL(kind)).as_string(None)


def good_values(connection, kind):
    """The literals that the type takes, as expressions."""
    good = []
    for text in literals():
        expression = f"({as_value(text, kind)})"
        try:
            connection.execute(f"SELECT to_json({expression})")
            good.append(expression)
        except psycopg.Error:
            pass
    return good


def own_types(app):
    app.sql("CREATE TYPE mood AS ENUM ('happy', 'a \"quoted\" one', 'ü', '')")
    app.sql("CREATE TYPE pair AS (a int, \"b c\" text)")
    app.sql("CREATE TYPE named AS (n int)")
    app.sql("CREATE FUNCTION named_json(named) RETURNS json LANGUAGE sql AS $$ SELECT json_build_object('n_is', ($1).n) $$")
    app.sql("CREATE CAST (named AS json) WITH FUNCTION named_json")
    app.sql("CREATE TYPE told AS ENUM ('x', 'y')")
    app.sql("CREATE FUNCTION told_json(told) RETURNS json LANGUAGE sql AS $$ SELECT json_build_object('told', $1::text) $$")
    app.sql("CREATE CAST (told AS json) WITH FUNCTION told_json")
    app.sql("CREATE DOMAIN d_int AS int; CREATE DOMAIN d_text AS text; CREATE DOMAIN d_mood AS mood;"
            " CREATE DOMAIN d_json AS jsonb; CREATE DOMAIN d_numeric AS numeric(8,3); CREATE DOMAIN d_d AS d_int;"
            " CREATE DOMAIN d_array AS int[]; CREATE DOMAIN d_told AS told; CREATE DOMAIN d_float AS float8")
    app.sql("CREATE TYPE span AS RANGE (subtype = timestamptz)")
    return {
        "mood": ["'happy'", "'a \"quoted\" one'", "'ü'", "''"],
        "pair": ["(1, 'x\"y')", "(NULL, NULL)"],
        "named": ["ROW(5)"],
        "told": ["'x'"],
        "span": ["'[2000-01-01,)'"],
        "d_int": ["5"], "d_text": ["'a\"'"], "d_mood": ["'ü'"], "d_json": ["'{\"a\": [1, 2]}'"], "d_numeric": ["1.5"],
        "d_d": ["-6"], "d_array": ["'{1,2}'"], "d_told": ["'y'"], "d_float": ["'NaN'", "0.1"],
        "varchar(5)": ["'a'"], "char(5)": ["'a'", "''"], "numeric(10,2)": ["1", "-0.005"], "numeric(5,-2)": ["12345"],
        "timestamptz(0)": ["'2000-01-01 00:00:00.7'"], "time(2)": ["'12:00:00.126'"], "bit(3)": ["'101'"],
    }


def all_types(app):
    """{type: expressions of its values}: of PostgreSQL's own, of some of our own, and of the arrays of both."""
    types = {}
    with app.connect() as connection:
        rows = connection.execute(
            "SELECT format_type(oid, -1) AS name, typname FROM pg_type"
            " WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typelem = 0"
            " OR oid IN ('point'::regtype, 'box'::regtype, 'lseg'::regtype, 'line'::regtype, 'name'::regtype,"
            " 'int2vector'::regtype, 'oidvector'::regtype) ORDER BY 1"
        ).fetchall()
        for row in rows:
            types[row["name"]] = good_values(connection, row["name"])
            assert types[row["name"]] or row["typname"] in UNREADABLE, f"no value of {row['name']}"
    for kind, values in own_types(app).items():
        types[kind] = [f"({value}::{kind})" for value in values]
    arrays = {}
    for kind, values in types.items():
        if values and kind not in ("int2vector", "oidvector"):
            listed = ", ".join([*values, "NULL"])
            arrays[f"{kind}[]"] = [
                f"(ARRAY[{listed}]::{kind}[])", f"('{{}}'::{kind}[])",
                f"(ARRAY[[{values[0]}, NULL], [{values[-1]}, {values[0]}]]::{kind}[])",
            ]
    return {kind: values for kind, values in {**types, **arrays}.items() if values}


def sent_documents(app, name, *options):
    """{_id: the line that was sent as its document}; the engine gets it, too."""
    bodies = []

    def keep(body):
        bodies.append(body)
        return body

    with through_proxy(app) as proxy:
        for _ in range(20):
            proxy.spoil("POST", "_bulk", keep)
        app.ok("es_update", name, "1", *options)
    lines = b"".join(bodies).decode().split("\n")
    return {json.loads(action)["index"]["_id"]: line for action, line in zip(lines[0::2], lines[1::2], strict=False)}


def expected_documents(app, table="sample", columns="*"):
    with app.connect() as connection:
        connection.execute(SETTINGS)
        rows = connection.execute(
            f"SELECT s.id::text AS id, row_to_json(r)::text AS document FROM {table} s"
            f" CROSS JOIN LATERAL (SELECT {columns}) r"
        ).fetchall()
    # A line of a bulk request is one line.
    return {row["id"]: row["document"].replace("\n", " ").replace("\r", " ") for row in rows}


def check_same(sent, expected):
    assert sorted(sent) == sorted(expected)
    for key, document in expected.items():
        if sent[key] != document:
            at = next((n for n, pair in enumerate(zip(sent[key], document)) if pair[0] != pair[1]), None)
            raise AssertionError(f"row {key}: at {at}\nsent:     {sent[key][at - 60:at + 60]}\n"
                                 f"expected: {document[at - 60:at + 60]}")


@pytest.fixture
def odd_settings(app):
    """What others set for the database does not show in a document."""
    for setting in (
        "TimeZone = 'Asia/Kolkata'", "DateStyle = 'German'", "IntervalStyle = 'iso_8601'", "bytea_output = 'escape'",
        "extra_float_digits = 0",
    ):
        app.postgres.execute(f"ALTER DATABASE {app.database} SET {setting}")


@pytest.mark.usefixtures("odd_settings")
def test_every_type_of_postgresql_is_written_as_row_to_json_does(app):
    types = all_types(app)
    assert len(types) > 150
    names = {kind: '"c%d ""%s"" \\ \n"' % (n, kind.replace('"', "")) for n, kind in enumerate(types)}
    app.sql("CREATE TABLE sample (id int PRIMARY KEY, " + ", ".join(f"{names[k]} {k}" for k in types) + ")")
    for number in range(max(map(len, types.values()))):
        values = {kind: listed[number] for kind, listed in types.items() if number < len(listed)}
        listed = ", ".join(names[kind] for kind in values)
        app.sql(f"INSERT INTO sample (id, {listed}) VALUES ({number}, {', '.join(values.values())})")
    app.sql("INSERT INTO sample (id) VALUES (-1)")
    columns = ", ".join(f"s.{name}" for name in names.values())
    app.ok("es_init")
    app.declare("sample", index=ANYTHING, documents=f"SELECT id AS _id, {columns} FROM sample s")
    app.ok("es_create", "sample")
    # Some engines take no number of more than 1,000 digits.
    check_same(sent_documents(app, "sample", "--allow-rejected", 10), expected_documents(app, columns=columns))
    app.sql(SETTINGS)
    row = app.history()[-1]
    assert row["docs_sent"] == 1 + max(map(len, types.values()))
    assert_accounted(row)


# ---- large rows: written by the server, so that their values are not read before their size is known

LIMIT = 100_000


def declare_sized(app):
    app.sql("CREATE TABLE sample (id int PRIMARY KEY, t text, v varchar, j json, b jsonb, a text[], x float8, e text, n numeric)")
    app.sql("ALTER TABLE sample ALTER j SET STORAGE EXTERNAL")
    app.ok("es_init")
    app.declare("sample", index=ANYTHING, documents="SELECT id AS _id, t, v, j, b, a, x, e || '' AS e, n FROM sample",
                master={"max_document_bytes": LIMIT})
    app.ok("es_create", "sample")


def size_of_row(app, row):
    [found] = app.sql(
        "SELECT octet_length(row_to_json(r)::text) AS n FROM sample s CROSS JOIN LATERAL (SELECT t, v, j, b, a, x, e, n) r"
        " WHERE id = %s", (row,)
    )
    return found["n"]


def test_documents_up_to_the_limit_are_sent_and_larger_ones_are_told_with_their_size(app):
    declare_sized(app)
    app.sql("INSERT INTO sample (id) VALUES (0)")
    empty, number, too_large = size_of_row(app, 0), 0, {}
    for column, value, more in (
        ("t", "repeat('x', %s)", -2), ("v", "repeat(chr(1), %s / 6)", -2), ("e", "repeat('ü', %s / 2)", -2),
        ("j", "('\"' || repeat('x', %s - 2) || '\"')::json", -4), ("b", "to_jsonb(repeat('x', %s - 2))", -4),
        ("a", "ARRAY[repeat('x', %s - 4)]", -4),
    ):
        for length in (1, 1000, LIMIT // 64, LIMIT // 56 - 1, LIMIT // 56, LIMIT // 56 + 1, LIMIT // 50, LIMIT // 8,
                       LIMIT // 2, LIMIT - empty - 100, LIMIT - empty, LIMIT - empty + 1, LIMIT - empty + 2,
                       LIMIT - empty + 4, LIMIT - empty + 5, LIMIT + 1, 2 * LIMIT, 20 * LIMIT):
            number += 1
            app.sql(f"INSERT INTO sample (id, x, {column}) VALUES ({number}, 0.1, {value % max(length, 6)})")
            size = size_of_row(app, number)
            if size > LIMIT:
                too_large[str(number)] = f"the document has {size} bytes, the limit is {LIMIT}"
    # Few bytes of a numeric are many of a document.
    app.sql(f"INSERT INTO sample (id, n) VALUES (-1, 10::numeric ^ {LIMIT})")
    too_large["-1"] = f"the document has {size_of_row(app, -1)} bytes, the limit is {LIMIT}"
    assert len(too_large) > 20
    expected = expected_documents(app, columns="t, v, j, b, a, x, e || '' AS e, n")
    sent = sent_documents(app, "sample", "--allow-rejected", len(too_large))
    check_same(sent, {key: document for key, document in expected.items() if key not in too_large})
    rows = app.sql("SELECT doc_id, error_type, reason FROM esmigrate.rejected_document")
    assert {row["doc_id"]: row["reason"] for row in rows} == too_large
    assert {row["error_type"] for row in rows} == {"document_too_large"}
    assert_accounted(app.history()[-1])


def test_a_document_that_no_request_has_room_for_is_told_with_its_size(app):
    limit, length = 8_000_000, 2_000_000
    app.sql(f"CREATE TABLE sample AS VALUES (1, repeat(chr(1), {length})), (2, 'x')")
    app.ok("es_init")
    app.declare("sample", index=ANYTHING, documents="SELECT column1 AS _id, column2 AS t FROM sample",
                master={"max_document_bytes": limit})
    app.ok("es_create", "sample")
    app.ok("es_update", "sample", "1", "--allow-rejected", 1)
    [row] = app.sql("SELECT reason FROM esmigrate.rejected_document")
    size = 6 * length + len('{"t":""}')
    assert row["reason"] == f"the document has {size} bytes, the limit is {limit}"


def test_an_expression_of_documents_sql_is_evaluated_once_for_a_row(app):
    # Not VOLATILE: the planner would leave such a one alone anyway.
    app.sql("""
        CREATE FUNCTION next(n int) RETURNS text LANGUAGE plpgsql STABLE AS $$
        BEGIN
            RETURN set_config('test.next', (current_setting('test.next')::int + 1)::text, false);
        END $$
    """)
    app.postgres.execute(f"ALTER DATABASE {app.database} SET test.next = 0")
    app.ok("es_init")
    app.declare("sample", index=ANYTHING,
                documents="SELECT n AS _id, n, next(n) AS t, ARRAY[n] AS a FROM generate_series(1, 20) n")
    app.ok("es_create", "sample")
    documents = sent_documents(app, "sample")
    assert [json.loads(documents[str(n)])["t"] for n in range(1, 21)] == [str(n) for n in range(1, 21)]


def test_a_source_in_another_encoding_gives_the_same_characters(app):
    name = f"{app.database}_latin"
    app.postgres.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with app.postgres.connect(name) as connection:
            connection.execute('CREATE TABLE thing (id text, "wörd" text, more json)')
            connection.execute("INSERT INTO thing VALUES ('ä', 'süß \"½\"', '{\"é\": \"ñ\"}')")
        app.env["ESMIGRATE_SOURCE"] = app.postgres.conninfo(name)
        app.declare("thing", index=ANYTHING, documents='SELECT id AS _id, "wörd", more FROM thing')
        app.ok("es_init")
        app.ok("es_create", "thing")
        assert sent_documents(app, "thing") == {"ä": '{"wörd":"süß \\"½\\"","more":{"é": "ñ"}}'}
    finally:
        app.postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_more_columns_than_a_select_may_have_with_ours_are_read_all_the_same(app):
    columns = ", ".join(f"n AS c{number}" for number in range(1660))
    app.ok("es_init")
    app.declare("sample", index=ANYTHING, documents=f"SELECT n AS _id, {columns} FROM generate_series(1, 2) n")
    app.ok("es_create", "sample")
    documents = sent_documents(app, "sample")
    assert json.loads(documents["2"]) == {f"c{number}": 2 for number in range(1660)}
