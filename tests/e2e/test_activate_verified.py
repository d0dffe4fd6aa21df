"""es_activate and es_deploy verify an instance before they switch to it: each kind of difference refuses the switch."""

import courses
import pytest
from faults import through_proxy
from messages import at_home, said

pytestmark = pytest.mark.either

MASTER = courses.MASTER
TARGET = "course_search-2"
# A row that no update reads is one that only es_verify can miss.
INDEX = {"mappings": {"dynamic": "strict", "properties": {"title": {"type": "keyword"}}}}


# ---- what is planted, in the engine or in the source


def put(app, doc_id, document, **parameters):
    query = "&".join(f"{name}={value}" for name, value in {"refresh": "true", **parameters}.items())
    app.engine_server.must("PUT", f"{app.full_name(TARGET)}/_doc/{doc_id}?{query}", document)


def missing(app):
    app.engine_server.must("DELETE", f"{app.full_name(TARGET)}/_doc/2?refresh=true")


def extra(app):
    put(app, "4711", {"title": "by hand"})


def stale(app):
    """The row changed and nobody said so: no update sees it."""
    app.sql("UPDATE course SET title = title || ' silently' WHERE id = 3")


def changed_field(app):
    """As an application that writes with the version of esmigrate."""
    version = courses.versions(app, TARGET)["3"]
    put(app, "3", {"title": "by hand"}, version=version, version_type="external_gte")


def dynamic(app, value):
    app.engine_server.must("PUT", f"{app.full_name(TARGET)}/_mapping", {"dynamic": value})


PLANTED = {
    "missing": (missing, ["counts", "ids"]),
    "extra": (extra, ["counts", "ids"]),
    "stale": (stale, ["content"]),
    "changed field": (changed_field, ["content"]),
    "changed mapping": (lambda app: dynamic(app, True), ["mapping"]),
}


# ---- what is seen of it


def two(app, **files):
    """course_search-1 is active, -2 filled and of these files."""
    courses.activated(app, 5, index=INDEX)
    courses.declare(app, index=INDEX, documents=courses.OTHER_DOCUMENTS, **files)
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "2")


@pytest.fixture(scope="module")
def shared(postgres_server, engine, tmp_path_factory):
    app = courses.own_app(postgres_server, engine, tmp_path_factory.mktemp("app"))
    two(app)
    yield app
    app.clean_up()


def last_activate(app):
    return [row for row in app.history() if row["action"] == "activate"][-1]


def kept(app):
    """{check: verdict} of the last es_activate."""
    rows = app.sql("SELECT check_name, verdict FROM esmigrate.verification WHERE action_id = %s",
                   (last_activate(app)["id"],))
    return {row["check_name"]: row["verdict"] for row in rows}


def failed(checks):
    return sorted(name for name, verdict in checks.items() if verdict == "failed")


def expect_active(app, number):
    assert app.alias(MASTER) == [app.full_name(f"course_search-{number}")]
    assert courses.active_index(app) == f"course_search-{number}"


def refused(app, *command):
    result = app.fails(1, *command)
    expect_active(app, 1)
    row = last_activate(app)
    assert (row["status"], row["instance"], row["result"]) == ("failed", 2, None)
    assert "nothing was switched" in row["error"]
    return result


# ---- each kind of difference


@pytest.mark.parametrize("command", ["es_activate", "es_deploy"])
@pytest.mark.parametrize("kind", PLANTED)
def test_a_difference_refuses_the_switch_and_is_kept_with_its_row(shared, kind, command):
    app = shared
    plant, checks = PLANTED[kind]
    plant(app)
    try:
        result = refused(app, command, MASTER)
        assert f'"{app.full_name(TARGET)}" is not what it should be: ' in result.err
        assert failed(kept(app)) == checks
        if kind == "changed mapping":
            assert "HINT: Make a new instance: esmigrate es_create course_search --force" in result.err
        else:
            assert "HINT: Send again what differs: esmigrate es_verify course_search-2 --repair; " in result.err
    finally:
        dynamic(app, "strict")
        # What the hint says leads out of it.
        app.ok("es_verify", TARGET, "--repair")


def test_what_equals_its_source_is_switched_to_and_the_proof_is_kept(app):
    two(app)
    app.ok("es_activate", MASTER)
    expect_active(app, 2)
    checks = kept(app)
    assert {"ids", "versions", "counts", "content", "rejected", "mapping", "settings"} <= set(checks)
    assert set(checks.values()) <= {"ok", "skipped"} and "all" not in checks
    # A new declaration, by a deploy.
    courses.declare(app, index=INDEX, documents=courses.DOCUMENTS + " WHERE true")
    app.ok("es_deploy", MASTER)
    expect_active(app, 3)
    assert failed(kept(app)) == [] and kept(app)["ids"] == "ok"


def test_after_the_repair_the_same_command_switches(app):
    two(app)
    missing(app)
    refused(app, "es_activate", MASTER)
    app.ok("es_verify", TARGET, "--repair")
    app.ok("es_activate", MASTER)
    expect_active(app, 2)


@pytest.mark.parametrize("command", ["es_activate", "es_deploy"])
def test_unverified_it_is_switched_to_as_it_is_and_the_history_says_so(app, command):
    two(app)
    extra(app)
    app.ok(command, MASTER, "--no-verify")
    expect_active(app, 2)
    assert kept(app) == {"all": "skipped"}
    assert "--no-verify" in last_activate(app)["argv"]


def test_one_that_was_never_filled_is_not_verified_either(app):
    courses.activated(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_activate", MASTER, "2", "--force")
    expect_active(app, 2)
    assert kept(app) == {"all": "skipped"}


def test_with_no_update_it_is_verified_all_the_same(app):
    two(app)
    missing(app)
    refused(app, "es_activate", MASTER, "--no-update")
    assert failed(kept(app)) == ["counts", "ids"]


def test_a_version_that_was_never_issued_refuses_the_switch(app):
    """An update would issue one above that of another writer, which only the content can tell then."""
    two(app)
    put(app, "3", {"title": "COURSE 3"})
    refused(app, "es_activate", MASTER, "--no-update")
    assert failed(kept(app)) == ["versions"]
    app.ok("es_verify", TARGET, "--repair")
    app.ok("es_activate", MASTER, "--no-update")


def test_a_query_of_the_application_that_finds_something_else_refuses_the_switch(app):
    two(app)
    query = {"name": "one", "body": {"query": {"term": {"title": "Course 1"}}}, "min_overlap": 0.5}
    courses.declare_queries(app, query)
    refused(app, "es_activate", MASTER)
    assert failed(kept(app)) == ["query_results"]


def searches(proxy):
    return [path for method, path in proxy.seen if "/_search?" in path and "request_cache=false" in path]


def test_with_no_verify_the_queries_warm_the_instance_all_the_same(app):
    two(app)
    courses.declare_queries(app, {"name": "wrong", "body": {"query": {"query_string": {"query": "a AND ("}}}},
                            {"name": "all", "body": {"query": {"match_all": {}}}})
    with through_proxy(app) as proxy:
        result = app.run("es_activate", MASTER, "--no-verify", check=0)
    assert 'warning: engine: query "wrong" on' in result.err
    assert "\nDETAIL: query_shard_exception: Failed to parse query [a AND (]\n" in result.err
    expect_active(app, 2)
    assert len(searches(proxy)) == 6
    assert all(path.startswith(f"/{app.full_name(TARGET)}/") for path in searches(proxy))


def test_a_rollback_asks_none(app):
    two(app)
    app.ok("es_activate", MASTER)
    courses.declare_queries(app, {"name": "all", "body": {"query": {"match_all": {}}}})
    with through_proxy(app) as proxy:
        app.ok("es_rollback", MASTER)
    assert searches(proxy) == []
    expect_active(app, 1)


def test_a_wrong_file_of_queries_does_not_hold_a_switch_that_is_not_verified(app):
    two(app)
    (app.indexes / MASTER / "queries.ndjson").write_text("no JSON\n")
    result = app.run("es_activate", MASTER, "--no-verify", check=0)
    assert "is not warmed up" in result.err
    expect_active(app, 2)


# ---- rejected documents


def reject_one(app):
    """Course 1 is what no integer field takes; -2 has been filled with the rest."""
    courses.activated(app)
    app.sql("ALTER TABLE course ADD COLUMN hours text DEFAULT '1'")
    fields = {**INDEX["mappings"]["properties"], "hours": {"type": "integer"}}
    app.declare(MASTER, index={"mappings": {"dynamic": "strict", "properties": fields}},
                documents="SELECT id AS _id, changed_at AS _changed_at, title, hours FROM course")
    app.sql("UPDATE course SET hours = 'many', changed_at = now() WHERE id = 1")
    app.ok("es_create", MASTER)
    app.fails(4, "es_update", MASTER, "2")


def test_rejected_documents_refuse_the_switch_until_they_are_allowed(app):
    reject_one(app)
    result = refused(app, "es_activate", MASTER)
    assert "1 rejected document is open" in result.err
    assert "es_retry course_search-2" in result.err and "--allow-rejected 1" in result.err
    # They are not what --no-verify is for.
    refused(app, "es_activate", MASTER, "--no-verify")
    app.ok("es_activate", MASTER, "--allow-rejected", "1")
    expect_active(app, 2)
    [row] = app.sql("SELECT * FROM esmigrate.verification WHERE action_id = %s AND check_name = 'rejected'",
                    (last_activate(app)["id"],))
    assert (row["verdict"], row["numbers"]) == ("ok", {"open": 1, "allowed": 1})


def test_what_is_allowed_to_be_rejected_hides_nothing_else(app):
    reject_one(app)
    missing(app)
    refused(app, "es_activate", MASTER, "--allow-rejected", "1")
    assert "ids" in failed(kept(app))


# ---- what is said


def test_a_refusal_says_what_to_type(app):
    school = at_home(app)
    two(school, changed=courses.CHANGED)
    missing(school)
    result = school.fails(1, "es_activate", MASTER)
    milliseconds = result.err[result.err.index(", ms ") :].split(":")[0]
    said(school, result, """
        esmigrate: error: nothing was switched: index "qa_course_search-2" is not what it should be: ids, counts
        DETAIL: ids: source 5, index 4, missing 1, left over 0, rejected 0, pending 0MS: 2 is missing
        HINT: Send again what differs: esmigrate es_verify course_search-2 --repair; or everything: esmigrate es_update course_search 2 --restart
        exit code 1
        """.replace("MS", milliseconds))
