"""es_verify: each kind of difference is found and mended, and what is under way is none."""

import json
import re
import threading

import courses
import pytest
from faults import filled_items, through_proxy
from messages import said
from test_memory import BOUND_MB, peak_of

# What esmigrate would not do is done by hand, straight in the engine.


def put(app, index, doc_id, document, **parameters):
    query = "&".join(f"{name}={value}" for name, value in {"refresh": "true", **parameters}.items())
    app.engine_server.must("PUT", f"{app.full_name(index)}/_doc/{doc_id}?{query}", document)


def remove(app, index, doc_id):
    app.engine_server.must("DELETE", f"{app.full_name(index)}/_doc/{doc_id}?refresh=true")


def verified(app, *args):
    """The checks of a run that finds nothing wrong, by name."""
    return by_name(app.ok("es_verify", courses.MASTER, *args))


def found(app, *args):
    """The checks of a run that fails, by name."""
    return by_name(app.fails(1, "es_verify", courses.MASTER, *args, "-o", "json").json)


def by_name(rows):
    return {row["check"]: row for row in rows}


def failed(checks):
    return sorted(name for name, row in checks.items() if row["verdict"] == "failed")


def ids(check):
    return sorted(sample["id"] for sample in check["samples"])


def kept(app):
    return app.sql("SELECT * FROM esmigrate.verification ORDER BY checked_at")


# ---- nothing wrong


def test_an_instance_that_equals_its_source(app):
    courses.activated(app, 5)
    checks = verified(app)
    assert failed(checks) == []
    assert {name: checks["ids"]["numbers"][name] for name in ("source", "index", "missing", "left_over")} == {
        "source": 5, "index": 5, "missing": 0, "left_over": 0,
    }
    assert checks["counts"]["numbers"] == {"expected": 5, "found": 5}
    action = courses.last_action(app)
    assert (action["action"], action["status"], action["instance"]) == ("verify", "complete", 1)
    rows = [row for row in kept(app) if row["action_id"] == action["id"]]
    assert {row["check_name"]: row["numbers"] for row in rows} == {
        name: row["numbers"] for name, row in checks.items()
    }


# ---- ids


def test_missing_and_left_over_documents_are_found_and_mended(app):
    courses.activated(app, 50)
    remove(app, "course_search-1", 7)
    put(app, "course_search-1", "4711", {"title": "by hand"})
    put(app, "course_search-1", "no-number", {"title": "by hand"})
    checks = found(app)
    assert failed(checks) == ["counts", "ids"]
    assert ids(checks["ids"]) == ["4711", "7", "no-number"]
    assert (checks["ids"]["numbers"]["missing"], checks["ids"]["numbers"]["left_over"]) == (1, 2)
    action = courses.last_action(app)
    assert action["status"] == "failed"
    checks = verified(app, "--repair")
    assert failed(checks) == []
    assert len(app.docs("course_search-1")) == 50
    verify, retry = app.history()[-2:]
    assert (verify["action"], verify["status"]) == ("verify", "complete")
    assert (retry["action"], retry["status"], retry["parent_id"]) == ("retry", "complete", verify["id"])
    assert (retry["docs_indexed"], retry["docs_deleted"]) == (1, 2)
    verdicts = [row["verdict"] for row in kept(app) if row["action_id"] == verify["id"] and row["check_name"] == "ids"]
    assert verdicts == ["failed", "ok"]
    assert failed(verified(app)) == []


def test_what_a_repair_cannot_reach_is_said(app):
    courses.activated(app, 3)
    put(app, "course_search-1", "2", {"title": "from the future"}, version=9 * 10**18, version_type="external")
    result = app.fails(1, "es_verify", courses.MASTER, "--repair")
    assert "9000000000000000000" in result.err


def test_hundreds_of_differences_are_all_found(app):
    courses.activated(app, 3000)
    for number in range(1, 3000, 4):
        app.engine_server.must("DELETE", f"{app.full_name('course_search-1')}/_doc/{number}")
    checks = found(app)
    assert checks["ids"]["numbers"]["missing"] == 750
    assert len(checks["ids"]["samples"]) == 10
    checks = verified(app, "--repair")
    assert checks["ids"]["numbers"]["index"] == 3000


def test_an_empty_index(app):
    courses.created(app, 20)
    result = app.fails(1, "es_verify", courses.MASTER, "1")
    said(app, result, """
        esmigrate: error: index "qa_course_search-1" is not what it should be: ids, counts
        DETAIL: ids: source 20, index 0, missing 20, left over 0, rejected 0, pending 0, ms 0: 1 is missing; 10 is missing; 11 is missing
        HINT: It is not filled: esmigrate es_update course_search 1
        exit code 1
        """.replace("ms 0", re.search(r"ms \d+", result.err)[0]))


def test_ids_that_are_unusual(app):
    app.sql("CREATE TABLE thing (id text PRIMARY KEY)")
    names = ['quote"', "back\\slash", "tab\t", "ümläut", "日本", "a/b?c=d", " ", "x" * 512]
    for name in names:
        app.sql("INSERT INTO thing VALUES (%s)", (name,))
    app.ok("es_init")
    app.declare(courses.MASTER, index={}, documents="SELECT id AS _id, id AS name FROM thing")
    app.ok("es_create", courses.MASTER)
    app.ok("es_update", courses.MASTER, "1")
    checks = verified(app)
    assert checks["ids"]["numbers"]["index"] == len(names)
    assert checks["content"]["numbers"]["compared"] == len(names)
    app.sql("INSERT INTO thing VALUES ('new \"one\"')")
    assert ids(found(app)["ids"]) == ['new "one"']


@pytest.mark.parametrize("shards", [1, 3])
def test_a_document_on_the_shard_of_its_old_routing(app, shards):
    app.sql("CREATE TABLE comment (id int PRIMARY KEY, post text, changed_at timestamptz NOT NULL)")
    app.sql("INSERT INTO comment SELECT n, 'post ' || n, now() - interval '1 hour' FROM generate_series(1, 20) n")
    app.ok("es_init")
    body = {"settings": {"number_of_shards": shards, "number_of_replicas": 0},
            "mappings": {"_routing": {"required": shards > 1}, "properties": {"body": {"type": "keyword"}}}}
    documents = "SELECT id AS _id, post AS _routing, changed_at AS _changed_at, 'text' AS body FROM comment"
    app.declare(courses.MASTER, index=body, documents=documents)
    app.ok("es_create", courses.MASTER)
    app.ok("es_update", courses.MASTER, "1")
    assert failed(verified(app)) == []
    app.sql("UPDATE comment SET post = 'elsewhere' WHERE id = 7")  # no update sees it
    assert ids(found(app)["ids"]) == ["7"]
    checks = verified(app, "--repair")
    assert checks["ids"]["numbers"]["index"] == 20
    [hit] = courses.search(app, "course_search-1", {"query": {"ids": {"values": ["7"]}}})
    assert hit["_routing"] == "elsewhere"


# ---- versions


def test_a_version_that_was_never_issued(app):
    courses.filled(app, 5)  # es_activate would issue a newer one with its update
    put(app, "course_search-1", "3", {"title": "Course 3"})  # the same content, by someone else
    checks = found(app)
    assert failed(checks) == ["versions"]
    assert ids(checks["versions"]) == ["3"]
    assert checks["versions"]["numbers"]["never_issued"] == 1
    assert failed(verified(app, "--repair")) == []


# ---- content


def replace(app, doc_id, document):
    """As an application that writes with the version of esmigrate."""
    version = courses.versions(app, "course_search-1")[doc_id]
    put(app, "course_search-1", doc_id, document, version=version, version_type="external_gte")


def test_a_changed_field_is_found_and_mended(app):
    courses.activated(app, 20)
    replace(app, "4", {"title": "by hand"})
    checks = found(app)
    assert failed(checks) == ["content"]
    assert checks["content"]["samples"] == [{"id": "4", "problem": "differs in title"}]
    assert failed(verified(app, "--repair")) == []
    assert courses.titles(app, "course_search-1")["4"] == "Course 4"


def test_a_stale_document_is_found_and_mended(app):
    """The row changed and nobody said so: no update sees it."""
    courses.activated(app, 20)
    app.sql("UPDATE course SET title = 'silently' WHERE id = 5")
    assert ids(found(app)["content"]) == ["5"]
    assert failed(verified(app, "--repair")) == []
    assert courses.titles(app, "course_search-1")["5"] == "silently"


def test_all_content_is_compared_when_asked_for(app):
    courses.activated(app, 2500)
    app.sql("UPDATE course SET title = 'silently' WHERE id = 1234")
    checks = by_name(app.run("es_verify", courses.MASTER, "--sample", "0", "-o", "json").json)
    assert checks["content"]["numbers"]["compared"] <= 50
    checks = found(app, "--content")
    assert (checks["content"]["numbers"]["compared"], ids(checks["content"])) == (2500, ["1234"])


def test_the_latest_changes_are_among_what_is_compared(app):
    courses.created(app, 3000)
    app.sql("UPDATE course SET changed_at = now() - interval '1 minute' WHERE id BETWEEN 2001 AND 2010")
    app.ok("es_update", courses.MASTER, "1")
    app.sql("UPDATE course SET title = 'silently' WHERE id BETWEEN 2001 AND 2010")
    checks = found(app, "--sample", "10")
    assert set(ids(checks["content"])) == {str(n) for n in range(2001, 2011)}


def test_unusual_documents_are_compared_and_equal(app):
    app.sql("CREATE TABLE thing (id int PRIMARY KEY, content jsonb, amount numeric, day date)")
    things = [
        ({"a": None}, "1.10", "2026-01-01"),
        ({"a": ""}, "123456789012345678901234567890.123456789", None),
        ({"a": "ümläut 日本 \U0001f600", "b\"c": "tab\t \\ back"}, "0", None),
        ({"a": {"b": [1, {"c": [[]]}, {}]}}, "-0.0", None),
        ({"a": "long " * 10000}, "1e-20", None),
    ]
    for number, (content, amount, day) in enumerate(things):
        app.sql("INSERT INTO thing VALUES (%s, %s, %s, %s)", (number, json.dumps(content), amount, day))
    app.ok("es_init")
    app.declare(courses.MASTER, index={"mappings": {"enabled": False}},
                documents="SELECT id AS _id, content, amount, day FROM thing")
    app.ok("es_create", courses.MASTER)
    app.ok("es_update", courses.MASTER, "1")
    checks = verified(app, "--sample", "0")
    assert checks["content"]["numbers"]["compared"] == len(things)
    app.sql("UPDATE thing SET amount = 123456789012345678901234567890.12345678 WHERE id = 1")
    assert found(app, "--sample", "0")["content"]["samples"] == [{"id": "1", "problem": "differs in amount"}]


@pytest.mark.parametrize("source", [{"enabled": False}, {"excludes": ["title"]}])
def test_content_that_the_engine_does_not_keep_is_not_compared(app, source):
    courses.activated(app, 3, index={"mappings": {"_source": source, "properties": {"title": {"type": "text"}}}})
    assert verified(app)["content"]["verdict"] == "skipped"


# ---- mapping and settings


KEYWORD = {
    "settings": {"index": {"refresh_interval": "2s", "number_of_replicas": 0}, "max_result_window": 5},
    "mappings": {"dynamic": True, "properties": {
        "title": {"type": "keyword", "ignore_above": 100, "index": True, "fields": {"words": {"type": "text"}}},
        "more.deep": {"type": "integer"}, "parts": {"type": "nested", "properties": {"part": {"type": "keyword"}}},
    }},
}


def test_a_mapping_that_was_changed(app):
    courses.activated(app, 12, index=KEYWORD)
    checks = verified(app)
    assert [row["check"] for row in checks.values() if row["verdict"] == "failed"] == []
    assert checks["mapping"]["numbers"]["fields"] == 5
    assert checks["settings"]["numbers"]["settings"] == 3
    name = app.full_name("course_search-1")
    changed = {"properties": {"title": {"type": "keyword", "ignore_above": 50, "fields": {"words": {"type": "text"}}}}}
    app.engine_server.must("PUT", f"{name}/_mapping", changed)
    result = app.fails(1, "es_verify", courses.MASTER, "-o", "json")
    checks = by_name(result.json)
    assert failed(checks) == ["mapping"]
    assert checks["mapping"]["samples"] == [{"field": "title", "problem": "has ignore_above 50, declared is 100"}]
    assert "HINT: Make a new instance: esmigrate es_create course_search --force" in result.err


def test_a_mapping_that_is_open_to_fields_now(app):
    courses.activated(app)
    app.engine_server.must("PUT", f"{app.full_name('course_search-1')}/_mapping", {"dynamic": True})
    assert [sample["field"] for sample in found(app)["mapping"]["samples"]] == ["dynamic"]


def test_fields_that_nobody_declared_are_a_warning(app):
    courses.activated(app, 3, index=KEYWORD)
    more = {"properties": {"extra": {"properties": {"inner": {"type": "long"}}}}}
    app.engine_server.must("PUT", f"{app.full_name('course_search-1')}/_mapping", more)
    check = verified(app)["dynamic_fields"]
    assert (check["severity"], check["verdict"], check["samples"]) == ("warning", "failed", [{"field": "extra.inner"}])


def test_settings_that_were_changed_are_a_warning(app):
    courses.activated(app, 3, index=KEYWORD)
    app.engine_server.must("PUT", f"{app.full_name('course_search-1')}/_settings", {"index.refresh_interval": "30s"})
    check = verified(app)["settings"]
    assert (check["severity"], check["verdict"]) == ("warning", "failed")
    assert check["samples"] == [{"setting": "index.refresh_interval", "problem": 'is "30s", declared is "2s"'}]


# ---- rejections


def test_open_rejections(app):
    filled_items(app, 10)
    app.sql("UPDATE item SET amount = 'many', changed_at = now() - interval '1 minute' WHERE id IN (3, 4)")
    app.sql("UPDATE esmigrate.index_instance SET changed_through = changed_through - interval '2 minutes'")
    app.fails(4, "es_update", "item")
    result = app.fails(1, "es_verify", "item", "-o", "json")
    checks = by_name(result.json)
    assert failed(checks) == ["rejected"]
    assert checks["rejected"]["numbers"] == {"open": 2, "allowed": 0}
    assert checks["content"]["numbers"]["rejected"] == 2
    assert "esmigrate es_retry item-1" in result.err
    app.ok("es_verify", "item", "--allow-rejected", "2")
    app.sql("UPDATE item SET amount = '1'")
    checks = by_name(app.ok("es_verify", "item", "--repair"))
    assert checks["rejected"]["numbers"]["open"] == 0


def test_rejected_documents_are_not_missing(app):
    courses.created(app, 5, documents="SELECT id AS _id, changed_at AS _changed_at, title,"
                                      " CASE id WHEN 2 THEN 1 END AS wrong FROM course",
                    index={"mappings": {"dynamic": "strict", "properties": {
                        "title": {"type": "text"}, "wrong": {"type": "date", "format": "yyyy-MM-dd"}}}})
    app.fails(4, "es_update", courses.MASTER, "1")
    checks = by_name(app.ok("es_verify", courses.MASTER, "--allow-rejected", "1"))
    assert {name: checks["ids"]["numbers"][name] for name in ("missing", "rejected")} == {"missing": 0, "rejected": 1}
    assert checks["counts"]["numbers"] == {"expected": 4, "found": 4}


# ---- what is under way


@pytest.mark.parametrize("changed", [None, courses.CHANGED])
def test_what_the_next_update_brings_is_pending(app, changed):
    courses.activated(app, 10, changed=changed)
    courses.rename(app, 3, "Later")
    app.sql("INSERT INTO course VALUES (11, 'New')")
    checks = verified(app)
    assert checks["ids"]["numbers"]["pending"] == 1
    assert checks["content"]["numbers"]["pending"] == 1
    if changed:
        app.sql("DELETE FROM course WHERE id = 5")
        app.sql("INSERT INTO deleted_course VALUES (5)")
        assert verified(app)["ids"]["numbers"]["pending"] == 2
    app.ok("es_update", courses.MASTER)
    assert verified(app)["ids"]["numbers"]["pending"] == 0


def test_a_row_that_vanished_is_a_difference_where_nothing_tracks_it(app):
    courses.activated(app, 10)
    app.sql("DELETE FROM course WHERE id = 5")
    assert ids(found(app)["ids"]) == ["5"]


def test_a_row_that_is_marked_deleted_is_not_missing(app):
    courses.activated(app, 10, documents=courses.DOCUMENTS.replace(" FROM", ", id = 4 AS _deleted FROM"))
    assert verified(app)["ids"]["numbers"]["source"] == 9


def test_live_writes_and_updates_are_no_failure(app):
    courses.activated(app, 2000, changed=courses.CHANGED)
    done = threading.Event()

    def write():
        connection = app.connect()
        number = 0
        while not done.is_set():
            number += 1
            connection.execute("UPDATE course SET title = %s, changed_at = now() WHERE id = 1 + %s",
                               (f"Course {number}", number % 2000))
            connection.execute("INSERT INTO course VALUES (%s, 'New')", (10000 + number,))
            with connection.transaction():
                connection.execute("DELETE FROM course WHERE id = %s", (10000 + number - 50,))
                connection.execute("INSERT INTO deleted_course VALUES (%s)", (10000 + number - 50,))
        connection.close()

    def update():
        while not done.is_set():
            app.run("es_update", courses.MASTER, check=0)

    app.declare(courses.MASTER, master={"overlap": "100 ms"})
    threads = [threading.Thread(target=write), threading.Thread(target=update)]
    for thread in threads:
        thread.start()
    try:
        pending = 0
        for _ in range(5):
            checks = verified(app, "--content")
            pending += checks["ids"]["numbers"]["pending"] + checks["content"]["numbers"]["pending"]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    print(f"pending: {pending}")
    assert {row["status"] for row in app.history()} == {"complete"}


# ---- locks and crashes


def test_an_update_and_a_verification_go_on_side_by_side(app):
    courses.activated(app, 10)
    courses.rename(app, 1, "Renamed")
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "_bulk", "before")
        update = app.start("es_update", courses.MASTER)
        held.wait()
        assert failed(verified(app)) == []
        held.release()
        update.wait(check=0)
        held = proxy.hold("POST", "scroll=")
        verify = app.start("es_verify", courses.MASTER)
        held.wait()
        app.ok("es_update", courses.MASTER)
        app.fails(7, "es_verify", courses.MASTER)
        held.release()
        verify.wait(check=0)
    assert {row["status"] for row in app.history() if row["action"] == "update"} == {"complete"}


def test_what_is_written_between_reading_and_counting_is_no_difference(app):
    courses.activated(app, 10, changed=courses.CHANGED)
    with through_proxy(app) as proxy:
        held = proxy.hold("GET", "/_count", "before")
        verify = app.start("es_verify", courses.MASTER, "-o", "json")
        held.wait()
        app.sql("INSERT INTO course VALUES (11, 'New')")
        app.ok("es_update", courses.MASTER)
        courses.search(app, courses.MASTER, {})  # makes it visible to counts
        held.release()
        checks = by_name(verify.wait(check=0).json)
    assert (checks["ids"]["verdict"], checks["counts"]["verdict"]) == ("ok", "skipped")
    assert checks["counts"]["numbers"] == {"expected": 10, "found": 11}
    row = [row for row in kept(app) if row["check_name"] == "counts"][-1]
    assert (row["verdict"], row["numbers"]) == ("skipped", {"expected": 10, "found": 11})
    result = app.ok("es_verify", courses.MASTER)
    assert by_name(result)["counts"]["numbers"] == {"expected": 11, "found": 11}


def test_a_killed_verification_is_settled_by_the_next_one(app):
    courses.activated(app, 10)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "scroll=")
        verify = app.start("es_verify", courses.MASTER)
        held.wait()
        verify.kill()
    epoch = courses.instances(app)["course_search-1"]["writer_epoch"]
    app.ok("es_update", courses.MASTER)
    verified(app)
    rows = [row["status"] for row in app.history() if row["action"] == "verify"]
    assert rows == ["interrupted", "complete"]
    assert courses.instances(app)["course_search-1"]["writer_epoch"] == epoch  # it wrote nothing


def test_a_dry_run_keeps_nothing_and_repairs_nothing(app):
    courses.activated(app, 10)
    remove(app, "course_search-1", 7)
    before = courses.everything(app)
    app.fails(1, "es_verify", courses.MASTER, "--repair", "-n")
    assert courses.everything(app) == before


# ---- which instance


def test_without_an_active_instance_it_is_the_newest(app):
    courses.filled(app)
    courses.second_instance(app)
    app.ok("es_update", courses.MASTER, "2")
    assert {row["instance"] for row in app.ok("es_verify", courses.MASTER)} == {2}
    app.ok("es_activate", courses.MASTER, "1")
    assert {row["instance"] for row in app.ok("es_verify", courses.MASTER)} == {1}
    assert {row["instance"] for row in app.ok("es_verify", "course_search-2")} == {2}


def test_a_failure_says_what_to_type(app):
    courses.activated(app, 3)
    remove(app, "course_search-1", 2)
    result = app.fails(1, "es_verify", courses.MASTER)
    said(app, result, """
        esmigrate: error: index "qa_course_search-1" is not what it should be: ids, counts
        DETAIL: ids: source 3, index 2, missing 1, left over 0, rejected 0, pending 0, ms 0: 2 is missing
        HINT: Send again what differs: esmigrate es_verify course_search-1 --repair; or everything: esmigrate es_update course_search 1 --restart
        exit code 1
        """.replace("ms 0", re.search(r"ms \d+", result.err)[0]))


# ---- queries


ALL = {"name": "all", "body": {"query": {"match_all": {}}, "sort": ["_doc"]}}
EXACT = {"name": "exact", "body": {"query": {"term": {"title": "Course 1"}}}}
TITLES = {"mappings": {"dynamic": "strict", "properties": {"title": {"type": "keyword"}}}}


def two_instances(app):
    courses.activated(app, 5, index=TITLES)
    courses.declare(app, index=TITLES, documents=courses.OTHER_DOCUMENTS)
    app.ok("es_create", courses.MASTER)
    app.ok("es_update", courses.MASTER, "2")


def test_queries_are_compared_with_the_active_instance(app):
    two_instances(app)
    assert by_name(app.ok("es_verify", "course_search-2"))["query_results"]["verdict"] == "skipped"
    courses.declare_queries(app, ALL, EXACT)
    checks = by_name(app.ok("es_verify", "course_search-2", "--query-runs", "20"))
    assert checks["query_results"]["numbers"] == {"queries": 2, "by_query": {
        "all": {"total": 5, "active_total": 5, "total_divergence": 0, "overlap": 1},
        "exact": {"total": 0, "active_total": 1, "total_divergence": 1, "overlap": 0},
    }}
    latency = checks["query_latency"]["numbers"]["by_query"]["all"]
    assert latency["runs"] == 20
    assert 0 < latency["median_us"] <= latency["p99_us"]
    courses.declare_queries(app, ALL, {**EXACT, "max_total_divergence": 0.5, "min_overlap": 0.5})
    checks = by_name(app.fails(1, "es_verify", "course_search-2", "--query-runs", "0", "-o", "json").json)
    assert failed(checks) == ["query_results"]
    assert [sample["query"] for sample in checks["query_results"]["samples"]] == ["exact", "exact"]
    assert checks["query_latency"]["verdict"] == "skipped"


def test_queries_are_not_compared_with_an_active_instance_whose_index_is_gone(app):
    two_instances(app)
    courses.declare_queries(app, {**ALL, "max_total_divergence": 0, "max_latency_growth": 1})
    gone = app.full_name("course_search-1")
    app.engine_server.must("DELETE", gone)
    result = app.run("es_verify", "course_search-2", "--query-runs", "2", "-o", "json", check=0)
    assert result.err == (
        f'esmigrate: warning: {app.full_name("course_search-2")}: its answers to the queries are compared with no other'
        f' instance\'s: index "{gone}" is gone from the engine\n'
    )
    checks = by_name(result.json)
    assert checks["query_results"]["numbers"] == {"queries": 1, "by_query": {"all": {"total": 5}}}
    assert checks["query_latency"]["numbers"]["by_query"]["all"]["runs"] == 2


def test_a_query_that_became_slow(app):
    two_instances(app)
    courses.declare_queries(app, {**ALL, "max_latency_growth": 0.01})
    checks = by_name(app.fails(1, "es_verify", "course_search-2", "-o", "json").json)
    assert failed(checks) == ["query_latency"]
    assert checks["query_latency"]["numbers"]["by_query"]["all"]["runs"] == 100


def test_a_query_that_the_engine_refuses(app):
    courses.activated(app)
    courses.declare_queries(app, {"name": "wrong", "body": {"query": {"no_such_query": {}}}},
                            {"name": "half", "body": {"query": {"query_string": {"query": "a AND ("}}}})
    [wrong, half] = found(app)["query_results"]["samples"]
    assert wrong["query"] == "wrong" and "unknown query [no_such_query]" in wrong["problem"]
    # Not only that all shards failed.
    assert half["query"] == "half" and "query_shard_exception: Failed to parse query [a AND (]" in half["problem"]


@pytest.mark.parametrize("line, problem", [
    ("{", "line 1: line 1, column 2: unexpected end of data"),
    ("[]", "line 1: it must be an object"),
    ('{"name": "x"}', 'line 1: "name" and "body" are needed'),
    ('{"name": 1, "body": {}}', 'line 1: "name" must be a text'),
    ('{"name": "x", "body": {}, "max_overlap": 1}', 'line 1: unknown key "max_overlap"'),
    ('{"name": "x", "body": {}, "min_overlap": "a"}', 'line 1: "min_overlap" must be a number of 0 or more'),
])
def test_a_wrong_line_of_queries(app, line, problem):
    courses.activated(app)
    (app.indexes / courses.MASTER / "queries.ndjson").write_text(line + "\n")
    result = app.fails(2, "es_verify", courses.MASTER)
    assert f"{courses.MASTER}/queries.ndjson: {problem}" in result.err


# ---- size


def test_two_hundred_thousand_ids_in_bounded_memory(app):
    app.sql("CREATE TABLE many AS SELECT n AS id, 'title ' || n AS title FROM generate_series(1, 200000) n")
    app.ok("es_init")
    app.declare("many", index={"mappings": {"properties": {"title": {"type": "keyword"}}}},
                documents="SELECT id AS _id, title FROM many")
    app.ok("es_create", "many")
    app.ok("es_update", "many", "1")
    code, peak = peak_of(app, "es_verify", "many", "--sample", "10")
    [row] = app.sql("SELECT numbers FROM esmigrate.verification WHERE check_name = 'ids'")
    assert (code, row["numbers"]["index"]) == (0, 200000)
    app.sql("DELETE FROM many WHERE id % 2 = 0")
    code, wrong_peak = peak_of(app, "es_verify", "many", "--sample", "10")
    *_, wrong = app.sql("SELECT numbers FROM esmigrate.verification WHERE check_name = 'ids' ORDER BY checked_at")
    assert (code, wrong["numbers"]["left_over"]) == (1, 100000)
    print(f"peak MB {peak:.0f}, {wrong_peak:.0f}; {row['numbers']}, {wrong['numbers']}")
    assert max(peak, wrong_peak) < BOUND_MB
