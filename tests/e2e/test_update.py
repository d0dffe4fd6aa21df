"""es_update: which instance, full or changed, since when, and what its report says."""

import courses
from faults import Answers, late_bulk, through_proxy, wait_until

MASTER = courses.MASTER
UPDATE_FIELDS = {
    "id": courses.is_uuid,
    "action": courses.is_text,
    "master": courses.is_text,
    "instance": courses.is_count,
    "index": courses.is_text,
    "mode": lambda value: value in ("full", "changed"),
    "status": lambda value: value in ("complete", "partial", "failed", "interrupted"),
    "indexed": courses.is_count,
    "deleted": courses.is_count,
    "rejected": courses.is_count,
    "superseded": courses.is_count,
    "retried": courses.is_count,
    "changed_from": courses.or_null(courses.is_time),
    "changed_through": courses.or_null(courses.is_time),
    "seconds": courses.is_seconds,
}


# ---- the report


def test_the_first_update_is_full_and_the_next_one_changed(app):
    courses.created(app)
    full = app.run("es_update", MASTER, "1", "-o", "json", "--tag", "release 7", check=0)
    assert "this update is a full one" in full.err
    courses.assert_fields(full.json, UPDATE_FIELDS)
    [one] = full.json
    assert (one["action"], one["master"], one["instance"]) == ("update", MASTER, 1)
    assert (one["mode"], one["status"], one["changed_from"]) == ("full", "complete", None)
    assert (one["indexed"], one["deleted"], one["rejected"], one["superseded"], one["retried"]) == (3, 0, 0, 0, 0)

    courses.rename(app, 2, "Two")
    [two] = app.ok("es_update", MASTER, "1")
    courses.assert_fields([two], UPDATE_FIELDS)
    assert (two["mode"], two["status"], two["indexed"], two["deleted"]) == ("changed", "complete", 1, 0)
    assert two["changed_from"] == one["changed_through"]
    assert courses.moment(two["changed_through"]) > courses.moment(two["changed_from"])
    assert courses.titles(app, "course_search-1") == {"1": "Course 1", "2": "Two", "3": "Course 3"}


def test_the_row_says_what_the_report_says(app):
    courses.filled(app)
    courses.rename(app, 2, "Two")
    [item] = app.ok("es_update", MASTER, "1", "--tag", "release 7")
    row = courses.last_action(app)
    assert (str(row["id"]), row["action"], row["status"], row["mode"]) == (item["id"], "update", "complete", "changed")
    assert (row["docs_indexed"], row["docs_deleted"], row["docs_rejected"], row["docs_superseded"]) == (1, 0, 0, 0)
    assert (row["docs_sent"], row["retries"], row["tag"]) == (1, 0, "release 7")
    assert row["changed_from"] == courses.moment(item["changed_from"])
    assert row["changed_through"] == courses.moment(item["changed_through"])
    instance = courses.instances(app)["course_search-1"]
    assert (instance["state"], instance["changed_through"]) == ("ready", row["changed_through"])
    # Documents carry the read version that the history has issued last (R3).
    assert courses.versions(app, "course_search-1")["2"] == instance["read_version"]


def test_documents_are_exactly_what_row_to_json_writes(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(
        app,
        index={"mappings": {"dynamic": False}},
        documents="SELECT 7 AS _id, 'Zoë \"q\" \\ \n😀' AS title, 12345678901234567890.5 AS n, NULL AS nothing,"
        " ARRAY[1, 2] AS list, timestamptz '2024-02-29 12:00+02' AS t, 0.1::float8 AS f, 's' AS s",
    )
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "1")
    expected = {
        "title": 'Zoë "q" \\ \n😀',
        "n": 12345678901234567890.5,
        "nothing": None,
        "list": [1, 2],
        "t": "2024-02-29T10:00:00+00:00",
        "f": 0.1,
        "s": "s",
    }
    assert app.docs("course_search-1") == {"7": expected}


# ---- which instance


def test_update_takes_the_active_instance_by_default(app):
    courses.activated(app)
    courses.second_instance(app)
    courses.rename(app, 1, "One")
    [item] = app.ok("es_update", MASTER)
    assert (item["instance"], item["indexed"]) == (1, 1)
    assert app.docs("course_search-2") == {}


def test_without_an_active_instance_update_names_the_newest(app):
    courses.filled(app)
    courses.second_instance(app)
    result = app.fails(1, "es_update", MASTER)
    assert "has no active instance" in result.err
    assert "HINT: " in result.err and "esmigrate es_update course_search 2" in result.err
    assert app.docs("course_search-2") == {}


def test_last_and_latest_are_the_newest_instance(app):
    courses.activated(app)
    courses.second_instance(app)
    assert [(i["instance"], i["mode"]) for i in app.ok("es_update", MASTER, "--last")] == [(2, "full")]
    assert [(i["instance"], i["mode"]) for i in app.ok("es_update", MASTER, "--latest")] == [(2, "changed")]


def test_last_refuses_when_the_newest_instance_is_not_that_of_the_files(app):
    courses.activated(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    result = app.fails(1, "es_update", MASTER, "--last")
    assert "esmigrate es_create course_search" in result.err
    app.ok("es_create", MASTER)
    courses.declare(app)
    result = app.fails(1, "es_update", MASTER, "--last")
    assert "Instance 1 was made from it" in result.err
    assert app.docs("course_search-2") == {}


def test_a_number_names_the_instance_in_two_spellings(app):
    courses.activated(app)
    courses.second_instance(app)
    assert app.ok("es_update", "course_search-2")[0]["instance"] == 2
    assert app.ok("es_update", MASTER, "2")[0]["instance"] == 2
    assert app.ok("es_update", MASTER, "1")[0]["instance"] == 1


def test_newer_are_all_above_the_active_one_under_a_parent_row(app):
    courses.activated(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_create", MASTER, "--force")
    app.ok("es_activate", MASTER, "2", "--force")
    app.ok("es_create", MASTER, "--force")
    items = app.ok("es_update", MASTER, "--newer")
    courses.assert_fields(items, UPDATE_FIELDS)
    assert [(item["instance"], item["indexed"]) for item in items] == [(3, 3), (4, 3)]
    *_, parent, three, four = app.history()
    assert (parent["action"], parent["status"], parent["instance"]) == ("update", "complete", None)
    assert three["parent_id"] == four["parent_id"] == parent["id"]


def test_newer_without_a_newer_one_does_nothing(app):
    courses.activated(app)
    before = courses.everything(app)
    assert app.ok("es_update", MASTER, "--newer") == []
    assert courses.everything(app) == before


def test_all_active_are_the_active_instances_of_all_masters(app):
    courses.activated(app)
    app.ok("es_create", MASTER, "--force")
    courses.declare(app, "author_search")
    courses.declare(app, "book_search")
    app.ok("es_create", "author_search", "book_search")
    app.ok("es_update", "author_search", "1")
    app.ok("es_activate", "author_search")
    courses.rename(app, 1, "One")
    items = app.ok("es_update", "--all-active")
    courses.assert_fields(items, UPDATE_FIELDS)
    assert [(i["master"], i["instance"], i["indexed"]) for i in items] == [("author_search", 1, 1), (MASTER, 1, 1)]
    assert app.docs("course_search-2") == app.docs("book_search-1") == {}


def test_choices_exclude_each_other(app):
    app.ok("es_init")
    for words in (
        (MASTER, "--last", "--newer"),
        (MASTER, "--all-active"),
        (MASTER, "1", "--last"),
        (MASTER, "--full", "--since", "2024-01-01T00:00:00Z"),
        (),
    ):
        app.fails(2, "es_update", *words)


def test_an_unknown_instance_is_refused_by_state_and_an_unknown_master_is_wrong_use(app):
    courses.activated(app)
    result = app.fails(1, "es_update", MASTER, "7")
    assert "has no live instance 7" in result.err and "es_list course_search" in result.err
    result = app.fails(2, "es_update", "nothing_search")
    assert '"nothing_search"' in result.err and "esmigrate es_list" in result.err


def test_an_instance_is_updated_with_its_own_copy_of_the_sql(app):
    courses.activated(app)
    courses.declare(app, documents="SELECT this is not SQL", index="{")
    courses.rename(app, 1, "One")
    [item] = app.ok("es_update", MASTER)
    assert (item["status"], item["indexed"]) == ("complete", 1)
    assert courses.titles(app, MASTER)["1"] == "One"


# ---- --full and --since


def test_full_reads_everything_and_removes_what_the_source_no_longer_has(app):
    courses.activated(app, count=5)
    app.sql("DELETE FROM course WHERE id IN (2, 4)")
    # An update cannot see it, without changed.sql, and says so.
    result = app.run("es_update", MASTER, "-o", "json", check=0)
    assert (result.json[0]["mode"], result.json[0]["deleted"]) == ("changed", 0)
    assert "--full" in result.err
    assert sorted(app.docs(MASTER)) == ["1", "2", "3", "4", "5"]

    [item] = app.ok("es_update", MASTER, "--full")
    assert (item["mode"], item["indexed"], item["deleted"], item["changed_from"]) == ("full", 3, 2, None)
    assert sorted(app.docs(MASTER)) == ["1", "3", "5"]
    assert courses.last_action(app)["docs_sent"] == 5


def test_full_removes_though_a_search_returns_few_documents(app):
    courses.filled(app, count=5, index={**courses.INDEX, "settings": {"index.max_result_window": 2}})
    app.sql("DELETE FROM course WHERE id IN (2, 4)")
    app.sql("INSERT INTO course SELECT n, 'Course ' || n FROM generate_series(6, 9) n")
    # No row is behind these: several pages of them.
    app.engine_server.must("POST", app.full_name(f"{MASTER}-1") + "/_bulk", [
        line for n in range(20, 27) for line in ({"index": {"_id": f"{n}", "version": 1, "version_type": "external"}}, {})
    ])
    [item] = app.ok("es_update", MASTER, "1", "--full")
    assert (item["indexed"], item["deleted"]) == (7, 9)
    count = app.engine_server.must("GET", app.full_name(f"{MASTER}-1") + "/_count")["count"]
    assert count == 7


def test_a_full_update_waits_for_the_requests_of_a_killed_run(app):
    """What they write is below the marks of the sweep only if they have ended."""
    courses.filled(app, index={"settings": {"number_of_shards": 1, "number_of_replicas": 1}})
    with late_bulk(app, f"{MASTER}-1", {"index": {"_id": "late"}}, {"title": "Late"}) as ended:
        app.ok("es_update", MASTER, "1", "--full")
        assert ended()


def test_a_full_update_waits_for_a_node_that_does_not_tell_what_it_writes(app):
    courses.filled(app)
    silent = '{"node_failures": [{"type": "failed_node_exception", "node_id": "n"}], "tasks": []}'
    with through_proxy(app, Answers(app.engine_server, {("GET", "/_tasks"): (200, silent)})) as proxy:
        process = app.start("es_update", MASTER, "1", "--full")
        wait_until(lambda: [path for _, path in proxy.seen if path.startswith("/_tasks")][2:])
        assert not [path for _, path in proxy.seen if "_bulk" in path]
        proxy.answers = {}
        process.wait(check=0)


def test_since_before_the_mark_reads_again_and_the_mark_moves(app):
    courses.activated(app)
    app.sql("UPDATE course SET title = 'Silent' WHERE id = 3")
    assert app.ok("es_update", MASTER)[0]["indexed"] == 0
    before = courses.instances(app)["course_search-1"]["changed_through"]
    # The longer fraction and the offset are to be read exactly.
    since = app.sql("SELECT min(changed_at) AS t FROM course")[0]["t"].isoformat()
    [item] = app.ok("es_update", MASTER, "--since", since)
    assert (item["mode"], item["indexed"]) == ("changed", 3)
    assert courses.moment(item["changed_from"]) == courses.moment(since)
    assert courses.titles(app, MASTER)["3"] == "Silent"
    assert courses.instances(app)["course_search-1"]["changed_through"] > before


def test_since_after_the_mark_never_moves_it_past_the_gap(app):
    courses.activated(app)
    before = courses.instances(app)["course_search-1"]["changed_through"]
    courses.rename(app, 1, "One")
    app.sql("UPDATE course SET title = 'Future', changed_at = now() + interval '2 hours' WHERE id = 2")
    since = app.sql("SELECT now() + interval '1 hour' AS t")[0]["t"].isoformat()
    result = app.run("es_update", MASTER, "--since", since, "-o", "json", check=0)
    [item] = result.json
    assert item["indexed"] == 1
    assert courses.moment(item["changed_through"]) == before
    assert "changed_through" in result.err
    assert courses.instances(app)["course_search-1"]["changed_through"] == before
    assert courses.titles(app, MASTER)["1"] == "Course 1"
    # What was left out is read by the next one.
    app.ok("es_update", MASTER)
    assert courses.titles(app, MASTER) == {"1": "One", "2": "Future", "3": "Course 3"}


def test_since_needs_a_zone_and_a_time(app):
    courses.activated(app)
    before = courses.everything(app)[1:]
    for time in ("2024-01-01T00:00:00", "2024-01-01", "yesterday", "now", "2024-13-01T00:00:00Z", ""):
        result = app.fails(2, "es_update", MASTER, "--since", time)
        assert "zone" in result.err or "time" in result.err, result
    assert courses.everything(app)[1:] == before
    for time in ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00.123456+05:30", "2024-01-01 00:00:00-08"):
        assert app.ok("es_update", MASTER, "--since", time)[0]["indexed"] == 3


# ---- rejected documents


def test_rejected_documents_are_4_until_they_are_accepted(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(
        app,
        index={"mappings": {"properties": {"title": {"type": "integer"}}}},
        documents="SELECT id AS _id, changed_at AS _changed_at, title FROM course",
    )
    app.sql("UPDATE course SET title = '7' WHERE id <> 2")
    app.ok("es_create", MASTER)
    result = app.fails(4, "es_update", MASTER, "1", "-o", "json")
    [item] = result.json
    courses.assert_fields([item], UPDATE_FIELDS)
    assert (item["status"], item["indexed"], item["rejected"]) == ("partial", 2, 1)
    assert "HINT: " in result.err and "rejected_document" in result.err
    [rejected] = app.sql("SELECT * FROM esmigrate.rejected_document")
    assert (rejected["doc_id"], str(rejected["action_id"]), rejected["http_status"]) == ("2", item["id"], 400)
    assert rejected["error_type"] == "mapper_parsing_exception" and "title" in rejected["reason"]
    row = courses.last_action(app)
    assert (row["status"], row["docs_sent"], row["docs_indexed"], row["docs_rejected"]) == ("partial", 3, 2, 1)

    # Every later update tries it again, although its row has not changed.
    [item] = app.ok("es_update", MASTER, "1", "--allow-rejected", "1")
    assert (item["mode"], item["status"], item["indexed"], item["rejected"]) == ("changed", "partial", 0, 1)
    assert app.sql("SELECT tries FROM esmigrate.rejected_document") == [{"tries": 2}]
    app.sql("UPDATE course SET title = '8' WHERE id = 2")
    [item] = app.ok("es_update", MASTER, "1")
    assert (item["status"], item["indexed"], item["rejected"]) == ("complete", 1, 0)
    assert app.sql("SELECT * FROM esmigrate.rejected_document") == []
    assert courses.titles(app, "course_search-1") == {"1": "7", "2": "8", "3": "7"}
