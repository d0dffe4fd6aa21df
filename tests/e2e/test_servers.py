"""The servers that all other tests stand on do what those tests take for granted."""

import pytest


@pytest.fixture
def index(engine):
    """An index that is deleted after the test."""
    name = "servers_test"
    body = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}}
    engine.must("PUT", name, body)
    yield name
    engine.must("DELETE", name)


def bulk(engine, index, *lines, query=""):
    answer = engine.must("POST", f"{index}/_bulk?refresh=true{query}", list(lines))
    return [(name, item["status"]) for entry in answer["items"] for name, item in entry.items()]


def versioned(action, doc_id, version):
    return {action: {"_id": doc_id, "version": version, "version_type": "external_gte"}}


def test_postgres_is_15_in_utf8(postgres_server):
    with postgres_server.connect() as connection:
        row = connection.execute(
            """
            SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_encoding')
                AS encoding, datcollate, current_setting('max_prepared_transactions') AS prepared
            FROM pg_database WHERE datname = current_database()
            """
        ).fetchone()
    assert row == {"version": 15, "encoding": "UTF8", "datcollate": "C.UTF-8", "prepared": "10"}


def test_postgres_keeps_data_and_port_over_a_crash(private_postgres):
    server = private_postgres("--durable")
    address = server.address
    server.execute("CREATE TABLE kept AS SELECT 1 AS a")
    server.kill()
    assert not server.running
    server.start()
    assert server.address == address
    with server.connect() as connection:
        assert connection.execute("SELECT a, current_setting('fsync') AS fsync FROM kept").fetchall() == [
            {"a": 1, "fsync": "on"}
        ]


def test_bulk_orders_writes_by_external_version(engine, index):
    lines = [versioned("index", "1", 10), {"a": "new"}]
    lines += [versioned("index", "1", 9), {"a": "stale"}]
    lines += [versioned("index", "1", 10), {"a": "same"}]
    lines += [versioned("delete", "2", 10)]
    lines += [versioned("index", "2", 9), {"a": "stale"}]
    expected = [("index", 201), ("index", 409), ("index", 200), ("delete", 404), ("index", 409)]
    assert bulk(engine, index, *lines) == expected
    assert engine.must("GET", f"{index}/_doc/1")["_source"] == {"a": "same"}


def test_delete_by_query(engine, index):
    bulk(engine, index, {"index": {"_id": "1"}}, {"a": 1}, {"index": {"_id": "2"}}, {"a": 2})
    answer = engine.must("POST", f"{index}/_delete_by_query?refresh=true", {"query": {"term": {"a": 1}}})
    assert answer["deleted"] == 1
    assert engine.must("GET", f"{index}/_count")["count"] == 1


def test_painless_scripts(engine, index):
    bulk(engine, index, {"index": {"_id": "1"}}, {"a": 20})
    engine.must("POST", f"{index}/_update/1", {"script": {"source": "ctx._source.a += params.n", "params": {"n": 22}}})
    assert engine.must("GET", f"{index}/_doc/1")["_source"] == {"a": 42}


def test_ingest_pipelines(engine, index):
    processors = [
        {"drop": {"if": "ctx.a == 'drop'"}},
        {"grok": {"field": "a", "patterns": ["%{WORD:first} %{NUMBER:second:int}"]}},
    ]
    engine.must("PUT", "_ingest/pipeline/servers_test", {"processors": processors})
    try:
        lines = {"index": {"_id": "1"}}, {"a": "word 7"}, {"index": {"_id": "2"}}, {"a": "drop"}
        bulk(engine, index, *lines, query="&pipeline=servers_test")
    finally:
        engine.must("DELETE", "_ingest/pipeline/servers_test")
    hits = engine.must("GET", f"{index}/_search")["hits"]["hits"]
    assert [hit["_source"] for hit in hits] == [{"a": "word 7", "first": "word", "second": 7}]


def test_analysis(engine):
    answer = engine.must("POST", "_analyze", {"analyzer": "english", "text": "the running foxes"})
    assert [token["token"] for token in answer["tokens"]] == ["run", "fox"]
    custom = {"tokenizer": "edge_ngram", "filter": ["lowercase"], "text": "Fo"}
    assert [token["token"] for token in engine.must("POST", "_analyze", custom)["tokens"]] == ["f", "fo"]


def test_reindex_joins_and_mustache(engine, index):
    bulk(engine, index, {"index": {"_id": "1"}}, {"a": 1})
    number = {"type": "scaled_float", "scaling_factor": 10}
    mappings = {"properties": {"join": {"type": "join", "relations": {"parent": "child"}}, "number": number}}
    engine.must("PUT", "servers_test_copy", {"mappings": mappings})
    try:
        body = {"source": {"index": index}, "dest": {"index": "servers_test_copy"}}
        assert engine.must("POST", "_reindex?refresh=true", body)["created"] == 1
        template = {"source": '{"query": {"term": {"a": "{{value}}"}}}', "params": {"value": 1}}
        found = engine.must("POST", "servers_test_copy/_search/template", template)
        assert found["hits"]["total"]["value"] == 1
    finally:
        engine.must("DELETE", "servers_test_copy")


def test_engine_keeps_data_and_settings_over_a_crash(private_engine):
    server = private_engine("--set", "http.max_content_length: 1mb")
    server.must("PUT", "kept/_doc/1", {"a": 1})
    server.kill()
    server.start()
    assert server.must("GET", "kept/_doc/1")["found"]
    [node] = server.must("GET", "_nodes/settings?flat_settings=true")["nodes"].values()
    assert node["settings"]["http.max_content_length"] == "1mb"


def test_an_app_is_fresh_and_leaves_nothing(make_app, engine, postgres_server):
    app, other = make_app(), make_app()
    assert (app.prefix, app.database) != (other.prefix, other.database)
    app.sql("CREATE TABLE t (a int)")
    app.sql("INSERT INTO t VALUES (%s), (%s)", (1, 2))
    assert app.sql("SELECT a FROM t ORDER BY a") == [{"a": 1}, {"a": 2}]
    engine.must("PUT", f"{app.prefix}big-1")
    lines = [line for number in range(25_000) for line in ({"index": {"_id": str(number)}}, {"n": number})]
    engine.must("POST", f"{app.prefix}big-1/_bulk", lines)
    add = {"index": f"{app.prefix}big-1", "alias": f"{app.prefix}big"}
    engine.must("POST", "_aliases", {"actions": [{"add": add}]})
    assert app.docs("big-1") == {str(number): {"n": number} for number in range(25_000)}
    assert app.alias("big") == app.indices() == [f"{app.prefix}big-1"]
    assert app.alias("none") == other.indices() == []
    app.clean_up()
    assert app.indices() == []
    with postgres_server.connect() as connection:
        names = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'esmigrate_test_%'").fetchall()
    assert names == [{"datname": other.database}]
