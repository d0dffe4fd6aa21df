"""Documents that no engine takes: each is kept with its reason, all others are indexed, and a repaired source heals."""

import pytest

from faults import assert_accounted

INDEX = {
    "settings": {"index.mapping.total_fields.limit": 100},
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "f": {"type": "double"},
            "n": {"type": "double"},
            "at": {"type": "date"},
            "day": {"type": "date"},
            "word": {"type": "keyword"},
            "more": {"properties": {"amount": {"type": "integer"}}},
            "anything": {"type": "object", "enabled": False},
        },
    },
}
DOCUMENTS = "SELECT id AS _id, changed_at AS _changed_at, f, n, at, day, word, more, anything FROM thing"


def nested(levels):
    """A JSON text of that many levels."""
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


# Column and value of each, and the type of error; the id is the name of the case.
BAD = {
    "not a number": ("f", "NaN", "mapper_parsing_exception"),
    "infinite": ("f", "Infinity", "mapper_parsing_exception"),
    "beyond double": ("n", "1e400", "mapper_parsing_exception"),
    "year 10000": ("at", "10000-01-01 00:00:00+00", "mapper_parsing_exception"),
    "for ever": ("at", "infinity", "mapper_parsing_exception"),
    "a day for ever": ("day", "-infinity", "mapper_parsing_exception"),
    "before Christ": ("at", "0044-03-15 00:00:00+00 BC", "mapper_parsing_exception"),
    "a long word": ("word", "x" * 40_000, "illegal_argument_exception"),
    "a wrong type": ("more", '{"amount": "many"}', "mapper_parsing_exception"),
    "no object": ("more", "5", "mapper_parsing_exception"),
    "an unknown field": ("more", '{"colour": "red"}', "strict_dynamic_mapping_exception"),
    "a key twice": ("more", '{"amount": 1, "amount": 2}', "mapper_parsing_exception"),
    "too deep": ("anything", nested(100), "document_too_deep"),
    "much too deep": ("anything", nested(5000), "document_too_deep"),
    "too large": ("word", "x" * 70_000, "document_too_large"),
    "x" * 513: ("f", "1", "invalid_id"),
    "": ("f", "1", "invalid_id"),
}
GOOD = {
    "finite": ("f", "1e308"),
    "precise": ("n", "12345678901234567890.123456789"),
    "year 9999": ("at", "9999-12-31 23:59:59+00"),
    "deep": ("anything", nested(99)),
    "brackets": ("word", "[{" * 500),
    "y" * 512: ("f", "1"),
    **{f"good {n}": ("f", str(n)) for n in range(100)},
}


def declare_things(app, **files):
    app.sql(
        "CREATE TABLE thing (id text, f float8, n numeric, at timestamptz, day date, word text, more json,"
        " anything json, changed_at timestamptz NOT NULL DEFAULT now() - interval '1 hour')"
    )
    for name, (column, value, *_) in {**BAD, **GOOD}.items():
        app.sql(f"INSERT INTO thing (id, {column}) VALUES (%s, %s)", (name, value))
    app.declare("thing", index=INDEX, documents=DOCUMENTS, master={"max_document_bytes": 65_536}, **files)
    app.ok("es_init")
    app.ok("es_create", "thing")


def heal(app, names):
    app.sql(
        "UPDATE thing SET f = NULL, n = NULL, at = NULL, day = NULL, word = NULL, more = NULL, anything = NULL"
        " WHERE id = ANY (%s)",
        (names,),
    )
    app.sql("UPDATE thing SET id = left('short ' || id, 20) WHERE id = ANY (%s) AND length(id) IN (0, 513)", (names,))


def rejected(app):
    return {row["doc_id"]: row for row in app.sql("SELECT * FROM esmigrate.rejected_document")}


def ids(app):
    name = f"{app.prefix}thing-1"
    app.engine_server.must("POST", f"{name}/_refresh")
    hits = app.engine_server.must("POST", f"{name}/_search", {"size": 1000, "_source": False})["hits"]["hits"]
    return {hit["_id"] for hit in hits}


def test_bad_documents_are_kept_with_their_reason_and_all_others_are_indexed(app):
    declare_things(app)
    [item] = app.fails(4, "es_update", "thing", "1", "-o", "json").json
    kept = rejected(app)
    types = {name: row["error_type"].replace("document_parsing", "mapper_parsing") for name, row in kept.items()}
    assert types == {name: bad[2] for name, bad in BAD.items()}
    assert all(row["reason"] for row in kept.values())
    assert ids(app) == set(GOOD)
    row = app.history()[-1]
    assert (row["status"], row["docs_sent"]) == ("partial", len(BAD) + len(GOOD))
    assert (row["docs_indexed"], row["docs_rejected"]) == (len(GOOD), len(BAD))
    assert_accounted(row)
    assert sum(one["documents"] for one in item["rejected_types"]) == len(BAD)

    # Half of them are mended: es_retry finds those, the next update the rest.
    names = sorted(BAD)
    heal(app, names[1::2])
    app.fails(4, "es_retry", "thing-1")
    assert sorted(rejected(app)) == names[0::2]
    assert_accounted(app.history()[-1])
    heal(app, names[0::2])
    app.ok("es_update", "thing", "1")
    assert rejected(app) == {}
    assert_accounted(app.history()[-1])
    # The two whose _id changed are new rows that nothing stamped: a full update finds them.
    app.ok("es_update", "thing", "1", "--full")
    assert ids(app) == {row["id"] for row in app.sql("SELECT id FROM thing")}


def test_fields_beyond_the_limit_of_a_mapping_reject_their_document(app):
    app.sql("CREATE TABLE thing (id int, body json)")
    app.sql("""INSERT INTO thing SELECT n, '{"a": 1}' FROM generate_series(1, 20) n""")
    many = "{" + ", ".join(f'"field{n}": {n}' for n in range(30)) + "}"
    app.sql("INSERT INTO thing VALUES (21, %s)", (many,))
    app.declare("thing", index={"settings": {"index.mapping.total_fields.limit": 10}},
                documents="SELECT id AS _id, body AS _source FROM thing")
    app.ok("es_init")
    app.ok("es_create", "thing")
    app.fails(4, "es_update", "thing", "1")
    [row] = rejected(app).values()
    assert row["doc_id"] == "21" and "Limit of total fields [10]" in row["reason"]
    assert ids(app) == {str(n) for n in range(1, 21)}
    assert_accounted(app.history()[-1])
    app.sql("""UPDATE thing SET body = '{"a": 2}' WHERE id = 21""")
    app.ok("es_retry", "thing", "1")
    assert rejected(app) == {} and "21" in ids(app)


@pytest.mark.parametrize(
    "processor, type",
    [
        ({"fail": {"message": "not this one", "if": "ctx.a == 2"}}, "fail_processor_exception"),
        ({"script": {"source": "if (ctx.a == 2) { throw new IllegalStateException('no') }"}}, "script_exception"),
        ({"convert": {"field": "b", "type": "integer"}}, "illegal_argument_exception"),
    ],
    ids=["fail", "script", "convert"],
)
def test_a_pipeline_that_fails_for_a_document_rejects_it_alone(app, processor, type):
    pipeline = f"{app.prefix}fails"
    app.engine_server.must("PUT", f"_ingest/pipeline/{pipeline}", {"processors": [processor]})
    try:
        app.sql("CREATE TABLE thing AS SELECT n AS id, n AS a, CASE n WHEN 2 THEN 'two' ELSE '1' END AS b"
                " FROM generate_series(1, 3) n")
        app.declare("thing", index={"settings": {"index.default_pipeline": pipeline}},
                    documents="SELECT id AS _id, a, b FROM thing")
        app.ok("es_init")
        app.ok("es_create", "thing")
        app.fails(4, "es_update", "thing", "1")
        [row] = rejected(app).values()
        assert (row["doc_id"], row["error_type"]) == ("2", type)
        assert ids(app) == {"1", "3"}
        assert_accounted(app.history()[-1])
        app.sql("UPDATE thing SET a = 4, b = '4' WHERE id = 2")
        app.ok("es_retry", "thing", "1")
        assert rejected(app) == {} and ids(app) == {"1", "2", "3"}
    finally:
        # The index is in the way of its pipeline.
        app.engine_server.must("DELETE", f"{app.prefix}thing-1")
        app.engine_server.must("DELETE", f"_ingest/pipeline/{pipeline}")


# ---- bytes that are no text


@pytest.fixture
def ascii_source(app):
    """A source whose encoding is SQL_ASCII: PostgreSQL stores any bytes there."""
    name = f"{app.database}_ascii"
    app.postgres.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    with app.postgres.connect(name) as connection:
        connection.execute("CREATE TABLE thing (id text, word text)")
        app.declare("thing", index={}, documents="SELECT id AS _id, word FROM thing")
        app.ok("es_init")
        app.ok("es_create", "thing", "--source", app.postgres.conninfo(name))
        app.env["ESMIGRATE_SOURCE"] = app.postgres.conninfo(name)
        yield connection
    app.postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def raw(text):
    return f"convert_from('\\x{text.hex()}'::bytea, 'SQL_ASCII')"


def test_bytes_that_are_no_utf8_reject_their_document(app, ascii_source):
    ascii_source.execute(
        f"INSERT INTO thing VALUES ('1', 'plain'), ('2', {raw('süß'.encode())}), ('3', {raw('süß'.encode('latin1'))}),"
        f" ({raw('ä'.encode())}, 'umlaut')"
    )
    app.fails(4, "es_update", "thing", "1")
    [row] = rejected(app).values()
    assert (row["doc_id"], row["error_type"], row["http_status"]) == ("3", "invalid_utf8", None)
    assert "(0xfc)" in row["reason"]
    assert app.docs("thing-1") == {"1": {"word": "plain"}, "2": {"word": "süß"}, "ä": {"word": "umlaut"}}
    assert_accounted(app.history()[-1])
    ascii_source.execute(f"UPDATE thing SET word = {raw('süß'.encode())} WHERE id = '3'")
    app.ok("es_retry", "thing", "1")
    assert rejected(app) == {} and app.docs("thing-1")["3"] == {"word": "süß"}


def test_an_id_that_is_no_utf8_is_named(app, ascii_source):
    ascii_source.execute(f"INSERT INTO thing VALUES ('1', 'plain'), ({raw('süß'.encode('latin1'))}, 'x')")
    result = app.fails(1, "es_update", "thing", "1")
    assert 'documents.sql returned an _id that is not UTF-8: "s??"' in result.err
    assert "HINT: Its byte 2 (0xfc)" in result.err
    assert app.history()[-1]["status"] == "failed"
    ascii_source.execute("DELETE FROM thing WHERE word = 'x'")
    app.ok("es_update", "thing", "1")
    assert app.docs("thing-1") == {"1": {"word": "plain"}}
