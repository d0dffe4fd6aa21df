"""es_verify tells what is under way from what is lost: by changed times, versions, and a second reading."""

import re

import courses
import pytest
from faults import through_proxy, wait_until
from test_verify import EXACT, failed, found, ids, remove, replace, two_instances, verified

pytestmark = pytest.mark.either

EVERY_ID = "SELECT id AS _id FROM course"
EVERY_ID_FOR_ANY_TIME = "SELECT id AS _id FROM course WHERE $1::timestamptz IS NOT NULL"

# ---- what is pending


@pytest.mark.parametrize("changed", [EVERY_ID, EVERY_ID_FOR_ANY_TIME])
def test_an_id_that_changed_sql_always_names_is_not_pending_by_that(app, changed):
    courses.activated(app, 20, changed=changed)
    remove(app, "course_search-1", 7)
    replace(app, "8", {"title": "by hand"})
    courses.rename(app, 3, "Later")
    checks = found(app)
    assert failed(checks) == ["content", "counts", "ids"]
    assert (ids(checks["ids"]), ids(checks["content"])) == (["7"], ["8"])
    assert (checks["ids"]["numbers"]["pending"], checks["content"]["numbers"]["pending"]) == (0, 1)
    assert failed(verified(app, "--repair")) == []
    assert courses.titles(app, "course_search-1") == {
        **{str(n): f"Course {n}" for n in range(1, 21)}, "3": "Later",
    }


def test_a_deleted_row_that_changed_sql_always_names_is_pending(app):
    courses.activated(app, 5, changed="SELECT course_id AS _id FROM deleted_course")
    app.sql("DELETE FROM course WHERE id = 4")
    app.sql("INSERT INTO deleted_course VALUES (4)")
    assert verified(app)["ids"]["numbers"]["pending"] == 1


def test_a_repair_sends_what_is_pending_and_counts_say_what_is_under_way(app):
    margin = "SELECT id AS _id FROM course WHERE changed_at >= $1::timestamptz - interval '2 hours'"
    courses.activated(app, 20, changed=margin)
    remove(app, "course_search-1", 7)
    replace(app, "8", {"title": "by hand"})
    checks = verified(app)
    assert (checks["ids"]["numbers"]["pending"], checks["content"]["numbers"]["pending"]) == (1, 1)
    assert checks["counts"]["numbers"] == {"expected": 20, "found": 19, "under_way": -1}
    checks = verified(app, "--repair")
    assert checks["counts"]["numbers"] == {"expected": 20, "found": 20}
    assert courses.titles(app, "course_search-1") == {str(n): f"Course {n}" for n in range(1, 21)}


# ---- what a repair is for


def test_a_repair_sends_nothing_where_sending_mends_nothing(app):
    index = {"mappings": {"properties": {"title": {"type": "keyword", "ignore_above": 100}}}}
    courses.activated(app, 5, index=index)
    changed = {"properties": {"title": {"type": "keyword", "ignore_above": 50}}}
    app.engine_server.must("PUT", f"{app.full_name('course_search-1')}/_mapping", changed)
    app.fails(1, "es_verify", courses.MASTER, "--repair")
    assert [row["action"] for row in app.history()][-1] == "verify"
    assert {row["attempt"] for row in app.sql("SELECT attempt FROM esmigrate.verification")} == {1}


# ---- versions that are older than their rows


ZONED = "SELECT id AS _id, changed_at AT TIME ZONE 'America/New_York' AS _changed_at, title FROM course"


@pytest.mark.parametrize("files", [
    {},
    {"documents": ZONED, "master": {"changed_at_zone": "America/New_York"}},
])
def test_a_row_that_was_committed_too_late_is_found_by_its_version(app, files):
    """It is stamped with a time after the document was read, and before changed_through."""
    courses.activated(app, 300, **files)
    app.sql("UPDATE esmigrate.index_instance SET changed_through = now() + interval '1 hour'")
    app.sql("UPDATE course SET title = 'Late', changed_at = now() + interval '30 minutes' WHERE id IN (7, 8)")
    app.sql("UPDATE course SET changed_at = now() + interval '30 minutes' WHERE id = 9")  # touched, not changed
    checks = found(app, "--sample", "0")
    assert failed(checks) == ["versions"]
    assert (ids(checks["versions"]), checks["versions"]["numbers"]["stale"]) == (["7", "8"], 2)
    assert checks["versions"]["samples"][0]["problem"] == "is older than its _changed_at"
    assert verified(app, "--sample", "0", "--repair")["versions"]["numbers"]["stale"] == 0
    assert [courses.titles(app, "course_search-1")[n] for n in ("7", "8")] == ["Late", "Late"]


# ---- fields that are not the same twice


def test_a_field_that_is_now_is_no_difference_and_said(app):
    documents = "SELECT id AS _id, changed_at AS _changed_at, title, now() AS indexed_at," \
                " random() AS chance FROM course"
    index = {"mappings": {"properties": {
        "title": {"type": "text"}, "indexed_at": {"type": "date"}, "chance": {"type": "float"}}}}
    courses.filled(app, 20, documents=documents, index=index)
    checks = verified(app, "1")
    check = checks["unstable_fields"]
    assert (check["severity"], check["verdict"], check["numbers"]["documents"]) == ("warning", "failed", 20)
    assert re.fullmatch("differs in (chance|indexed_at), which documents.sql returns anew with each reading",
                        check["samples"][0]["problem"])
    app.ok("es_activate", courses.MASTER)
    replace(app, "8", {**app.docs("course_search-1")["8"], "title": "by hand"})
    checks = found(app)
    assert failed(checks) == ["content", "unstable_fields"]
    assert checks["content"]["samples"] == [{"id": "8", "problem": "differs in title"}]
    assert checks["unstable_fields"]["numbers"]["documents"] == 19


# ---- what is said


@pytest.mark.parametrize("limit", [{"min_overlap": 0.5}, {"max_latency_growth": 0.000001}])
def test_queries_that_differ_on_purpose_are_no_reason_for_a_new_instance(app, limit):
    two_instances(app)
    courses.declare_queries(app, {**EXACT, **limit})
    result = app.fails(1, "es_verify", "course_search-2", "--query-runs", "5")
    assert result.err.splitlines()[-1] == (
        f"HINT: If that is what was meant, change the query or its limits in {app.indexes}/course_search/queries.ndjson,"
        " and run the same command again; or switch all the same: esmigrate es_activate course_search 2 --no-verify")


def test_a_verification_tells_how_far_it_is(app):
    courses.activated(app, 10)
    with through_proxy(app) as proxy:
        held = proxy.hold("POST", "scroll=")
        verify = app.start("es_verify", courses.MASTER, "--progress=always")
        held.wait()
        wait_until(lambda: app.ok("es_history", "--running")[0]["documents_done"] == 10)
        [row] = app.ok("es_history", "--running")
        assert (row["action"], row["phase"]) == ("verify", "verify")
        held.release()
        result = verify.wait(check=0)
    assert "course_search-1  verifying ids, " in result.err
