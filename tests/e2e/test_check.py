"""es_check: each check with what makes it fail, and what it says when all is well."""

import re
import signal

import pytest

import courses
from courses import MASTER
from faults import Answers, Gate, through_proxy, wait_until
from test_clock import FAKED
from test_secrets import assert_kept_secret, engine_with_password
from wire import through_wire

pytestmark = pytest.mark.either

CHANGED_INDEX = "CREATE INDEX ON course (changed_at)"
NO_REPLICAS = {"settings": {"number_of_replicas": 0}, **courses.INDEX}


def check(app, code, **options):
    """{check: line} of a run with that exit code."""
    __tracebackhide__ = True
    result = app.run("es_check", MASTER, "-o", "json", check=code, **options)
    return {line["check"]: line for line in result.json}


def assert_line(found, name, verdict, value="", fix=""):
    __tracebackhide__ = True
    line = found[name]
    assert line["verdict"] == verdict and value in line["value"], line
    assert fix in (line["fix"] or ""), line
    assert bool(line["fix"]) == (verdict != "ok"), line


def well(app, **files):
    """A master for which there is nothing to say."""
    courses.activated(app, **{"index": NO_REPLICAS, **files})
    app.sql(CHANGED_INDEX)


def cluster_settings(app, **settings):
    """Set until the test ends; names with __ for dots."""
    names = {name.replace("__", "."): value for name, value in settings.items()}
    app.engine_server.must("PUT", "_cluster/settings", {"transient": names})


# ---- the whole


def test_all_is_well_and_nothing_was_written(app):
    well(app)
    before = courses.everything(app)
    found = check(app, 0)
    # Of the other tests' indexes some may have replicas that cannot be made.
    assert {line["verdict"] for name, line in found.items() if name != "health"} == {"ok"}, found
    assert len(found) == 29
    assert all(line["master"] == MASTER and line["value"] for line in found.values())
    assert courses.everything(app) == before


def test_an_unknown_name_is_wrong_use(app):
    app.ok("es_init")
    assert "there is no declaration" in app.fails(2, "es_check", "nothing_search").err
    assert "es_check needs NAME..." in app.fails(2, "es_check").err


def test_several_masters_are_checked_one_after_the_other(app):
    well(app)
    courses.declare(app, "author_search", index=NO_REPLICAS)
    result = app.run("es_check", MASTER, "author_search", "-o", "json", check=3)
    assert {line["master"] for line in result.json if line["verdict"] == "pending"} == {"author_search"}


def test_the_table_says_what_to_type(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    result = app.run("es_check", MASTER, check=3)
    assert "esmigrate es_create course_search" in result.out
    assert result.err == (
        "esmigrate: error: work is pending\nHINT: What to type or do stands behind each of them, as fix.\n"
    )


def test_the_table_ends_with_the_worst(app):
    well(app)
    app.sql("DROP INDEX course_changed_at_idx")
    courses.declare(app, documents=courses.OTHER_DOCUMENTS, master={"keep": "3 hors"})
    app.declare(MASTER, index=NO_REPLICAS)
    result = app.run("es_check", MASTER, check=1)
    verdicts = [line.split()[2] for line in result.out.splitlines()[1:]]
    order = ["ok", "warning", "pending", "failed"]
    assert set(verdicts) == set(order) and verdicts == sorted(verdicts, key=order.index)


# ---- declaration and history


def test_a_declaration_is_pending_until_it_is_active(app):
    courses.make_courses(app)
    app.sql(CHANGED_INDEX)
    app.ok("es_init")
    courses.declare(app)
    assert_line(check(app, 3), "active", "pending", "no instance", "esmigrate es_create course_search")
    app.ok("es_create", MASTER)
    assert_line(check(app, 3), "active", "pending", "no instance", "esmigrate es_update course_search 1")
    app.ok("es_update", MASTER, "1")
    assert_line(check(app, 3), "active", "pending", "no instance", "esmigrate es_activate course_search 1")
    app.ok("es_activate", MASTER)
    assert_line(check(app, 0), "active", "ok", "instance 1")
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    assert_line(check(app, 3), "active", "pending", "instance 1", "esmigrate es_create course_search")


def test_without_a_history_es_init_is_pending_and_the_rest_is_checked(app):
    courses.make_courses(app)
    courses.declare(app)
    found = check(app, 3)
    assert_line(found, "history", "pending", "no schema", "esmigrate es_init")
    assert "active" not in found
    assert_line(found, "sample", "ok", "3 documents")
    assert app.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'esmigrate'") == []
    assert app.indices() == []


def test_another_prefix_than_the_history_has_fails(app):
    well(app)
    found = check(app, 1, env={"ESMIGRATE_PREFIX": "x" + app.prefix})
    assert_line(found, "history", "failed", "belongs to the prefix", "--adopt")


def test_a_history_that_cannot_be_reached_fails_and_the_rest_is_checked(app):
    well(app)
    found = check(app, 1, env={"ESMIGRATE_HISTORY": "host=127.0.0.1 port=1", "ESMIGRATE_SOURCE": app.conninfo})
    assert_line(found, "history", "failed", "cannot connect", "--history")
    assert_line(found, "engine", "ok")
    assert_line(found, "documents", "ok")


def test_a_wrong_file_fails_and_the_rest_is_checked(app):
    well(app)
    courses.declare(app, index='{"mappings": {}, "mappings": {}}')
    found = check(app, 1)
    assert_line(found, "declaration", "failed", "index.json")
    assert_line(found, "health", found["health"]["verdict"])
    assert "documents" not in found and "sample" not in found


# ---- the engine


def test_an_engine_that_does_not_answer_fails_and_the_rest_is_checked(app):
    well(app)
    found = check(app, 1, env={f"{app.engine_server.family.upper()}_URL": "http://127.0.0.1:1"})
    assert_line(found, "engine", "failed", "127.0.0.1", "--engine")
    assert_line(found, "documents", "ok")
    assert "rights" not in found


def test_another_cluster_than_the_recorded_one_fails(app):
    well(app)
    app.sql("UPDATE esmigrate.installation SET cluster_uuid = 'another'")
    assert_line(check(app, 1), "cluster", "failed", fix="es_init --adopt")


def test_a_yellow_cluster_is_a_warning_and_a_red_one_a_failure(app):
    well(app)
    app.engine_server.must("PUT", app.full_name("other"), {"settings": {"number_of_replicas": 1}})
    assert_line(check(app, 0), "health", "warning", "yellow, unassigned shards: ")
    nowhere = {"index.routing.allocation.require._name": "nowhere", "number_of_replicas": 0}
    app.engine_server.must("PUT", app.full_name("red") + "?wait_for_active_shards=0", {"settings": nowhere})
    assert_line(check(app, 1), "health", "failed", "red, unassigned shards: ", "allocation/explain")


def test_tasks_that_wait_long_are_a_warning(app):
    well(app)
    tasks = '{"tasks": [{"time_in_queue_millis": 61000}, {"time_in_queue_millis": 5}]}'
    with through_proxy(app, Answers(app.engine_server, {("GET", "/_cluster/pending_tasks"): (200, tasks)})):
        assert_line(check(app, 0), "pending_tasks", "warning", "2, the oldest for 61000 ms")


def test_disk_below_three_times_the_active_index_fails(app):
    well(app)
    assert_line(check(app, 0), "disk", "ok", "1 data node")
    [node] = app.engine_server.must("GET", "_nodes/stats/fs")["nodes"].values()
    name = "cluster__routing__allocation__disk__"
    total = node["fs"]["total"]
    # The index has some kB; so much less is left above the watermark that a change of the disk meanwhile is no matter.
    low = f"{total['available_in_bytes'] + 10**9}b"
    cluster_settings(app, **{name + "threshold_enabled": True, name + "watermark__low": low,
                             name + "watermark__high": "1b", name + "watermark__flood_stage": "1b"})
    assert_line(check(app, 1), "disk", "failed", "0.0 MB", "es_prune course_search")
    cluster_settings(app, **{name + "threshold_enabled": False})
    assert_line(check(app, 0), "disk", "ok")


def test_the_low_watermark_may_be_a_share_of_the_disk(app):
    well(app)
    [node] = app.engine_server.must("GET", "_nodes/stats/fs")["nodes"].values()
    name = "cluster__routing__allocation__disk__"
    used = 1 - node["fs"]["total"]["available_in_bytes"] / node["fs"]["total"]["total_in_bytes"]
    shares = {name + "watermark__high": "99.8%", name + "watermark__flood_stage": "99.9%"}
    # Allocation itself goes by another measure of used space, so that it is asked only about the disk line.
    for share, verdict in ((min(used * 100 + 5, 99.7), "ok"), (used * 100 - 5, "failed")):
        cluster_settings(app, **{name + "threshold_enabled": True, name + "watermark__low": f"{share:.1f}%", **shares})
        result = app.run("es_check", MASTER, "-o", "json")
        [line] = [line for line in result.json if line["check"] == "disk"]
        assert line["verdict"] == verdict, (share, line)


def test_too_many_shards_fail(app):
    well(app, index={"settings": {"number_of_replicas": 0, "number_of_shards": 2}, **courses.INDEX})
    found = check(app, 0)
    assert_line(found, "shards", "ok", " and 2 new")
    used = int(found["shards"]["value"].split()[0])
    # A scratch index has to fit too.
    cluster_settings(app, cluster__max_shards_per_node=used + 2)
    assert_line(check(app, 0), "shards", "ok")
    cluster_settings(app, cluster__max_shards_per_node=used + 1)
    assert_line(check(app, 1), "shards", "failed", fix="max_shards_per_node")


@pytest.mark.parametrize("kind", ["_template", "_index_template"])
def test_index_templates_that_alter_the_index(app, kind):
    well(app)
    template = {
        "settings": {"index": {"number_of_replicas": 5, "refresh_interval": "77s"}},
        "mappings": {"properties": {"title": {"type": "keyword"}, "extra": {"type": "keyword"}}},
    }

    def put(name, pattern, content):
        wrapped = content if kind == "_template" else {"template": content}
        app.engine_server.must("PUT", f"{kind}/{name}", {"index_patterns": [pattern], **wrapped})

    name = app.prefix + "template"
    try:
        put(name, app.prefix + "another*", template)
        assert_line(check(app, 0), "templates", "ok", "none")
        put(name, app.prefix + "course_search-*", template)
        # What index.json says itself, no template changes.
        assert_line(check(app, 0), "templates", "warning", "settings.refresh_interval, mappings.properties.extra")
        assert "replicas" not in check(app, 0)["templates"]["value"]
        put(name, app.prefix + "course_search-*", {"aliases": {"live": {}}})
        assert_line(check(app, 1), "templates", "failed", "aliases.live", "empty index live")
    finally:
        app.engine_server.must("DELETE", f"{kind}/{name}")


def test_a_pipeline_that_is_not_there_fails(app):
    name = app.prefix + "pipeline"
    settings = {"number_of_replicas": 0, "index.default_pipeline": name}
    well(app)
    courses.declare(app, index={"settings": settings, **courses.INDEX})
    found = check(app, 1)
    assert_line(found, "pipeline", "failed", name, f"PUT _ingest/pipeline/{name}")
    assert_line(found, "sample", "failed", "pipeline")
    app.engine_server.must("PUT", f"_ingest/pipeline/{name}", {"processors": []})
    try:
        found = check(app, 3)
        assert_line(found, "pipeline", "ok", name)
        assert_line(found, "sample", "ok")
    finally:
        app.engine_server.must("DELETE", f"_ingest/pipeline/{name}")


def test_a_pipeline_that_is_null_is_none(app):
    well(app, index={"settings": {"number_of_replicas": 0, "index": {"default_pipeline": None}}, **courses.INDEX})
    assert "pipeline" not in check(app, 0)
    contents = [line for line in app.ok("es_verify", MASTER) if line["check"] == "content"]
    assert [(line["verdict"], line["numbers"].get("compared")) for line in contents] == [("ok", 3)]


# ---- rights, and the scratch index


@pytest.mark.parametrize(
    "method, path, part, right",
    [
        ("PUT", "-scratch.", "rights", "indices:admin/create"),
        ("POST", "/_aliases", "rights", "indices:admin/aliases"),
        ("GET", "/_cluster/health", "health", "cluster:monitor/health"),
    ],
)
def test_a_right_that_is_missing_is_named(app, method, path, part, right):
    well(app)
    error = f'{{"error": {{"type": "security_exception", "reason": "no permissions for [{right}]"}}, "status": 403}}'
    with through_proxy(app, Answers(app.engine_server, {(method, path): (403, error)})):
        found = check(app, 1)
    assert_line(found, part, "failed", f"no permissions for [{right}]", "the right that the message names")
    assert [name for name in app.indices() if "scratch" in name] == []


def test_a_body_that_the_engine_refuses_fails(app):
    well(app)
    courses.declare(app, index={"mappings": {"properties": {"title": {"type": "textt"}}}})
    found = check(app, 1)
    assert_line(found, "index_body", "failed", "textt", "index.json")
    assert "sample" not in found
    assert app.indices() == [app.full_name("course_search-1")]


def test_a_sample_with_a_document_that_is_refused_fails(app):
    well(app)
    courses.declare(app, documents="SELECT id AS _id, changed_at AS _changed_at, title, 1 AS unknown FROM course")
    found = check(app, 1)
    assert_line(found, "sample", "failed", "3 of 3 are rejected, one by strict_dynamic_mapping_exception", "index.json")
    assert app.indices() == [app.full_name("course_search-1")]


def test_a_sample_is_of_100_documents(app):
    well(app, count=250)
    assert_line(check(app, 0), "sample", "ok", "100 documents")


def slow_documents(app, gate):
    app.declare(MASTER, documents="SELECT id AS _id, changed_at AS _changed_at, title FROM course WHERE gate(id)")
    gate.close()


@pytest.fixture
def gate(app):
    gate = Gate(app, 2)
    yield gate
    gate.open()


def wait_until_free(app):
    """Until no session holds the lock of a scratch index."""
    wait_until(lambda: not app.sql("SELECT 1 FROM pg_locks WHERE classid = %s AND database = "
                                   "(SELECT oid FROM pg_database WHERE datname = current_database())", (0x65736D36,)))


def scratch_indexes(app):
    return [name for name in app.indices() if name.startswith(app.full_name(MASTER) + "-scratch.")]


def test_a_stop_removes_the_scratch_index(app, gate):
    well(app)
    slow_documents(app, gate)
    process = app.start("es_check", MASTER)
    gate.wait()
    assert len(scratch_indexes(app)) == 1
    process.signal(signal.SIGINT)
    process.wait(check=130)
    assert scratch_indexes(app) == []


def test_a_scratch_index_that_a_crash_left_behind_is_removed_by_the_next(app, gate):
    well(app)
    slow_documents(app, gate)
    process = app.start("es_check", MASTER)
    gate.wait()
    [left] = scratch_indexes(app)
    # Not while it runs: the lock tells.
    second = app.start("es_check", MASTER)
    gate.wait(2)
    assert left in scratch_indexes(app)
    process.kill()
    gate.open()
    second.wait(check=3)
    assert scratch_indexes(app) == [left]
    # Another history's, or anyone's, is not ours to remove.
    theirs = app.full_name(MASTER) + "-scratch.theirs"
    app.engine_server.must("PUT", theirs, {"mappings": {"_meta": {"esmigrate": {"action": "scratch of 1/2"}}}})
    wait_until_free(app)
    result = app.run("es_check", MASTER, check=3)
    assert f'removed "{left}", which a crashed run had left behind' in result.err
    assert scratch_indexes(app) == [theirs]


def test_no_line_tells_a_secret_that_the_engine_quotes(app):
    well(app)
    with through_proxy(app) as proxy:
        proxy.echo("GET", "/_cluster/health")
        result = app.run("es_check", MASTER, "--engine", engine_with_password(app, proxy.url), "-o", "json", check=1)
    assert_line({line["check"]: line for line in result.json}, "health", "failed", "bad request")
    assert_kept_secret(app, result)


# ---- the source


def test_a_source_that_cannot_be_reached_fails(app):
    well(app)
    found = check(app, 1, env={"ESMIGRATE_SOURCE": "host=127.0.0.1 port=1"})
    assert_line(found, "source", "failed", "cannot connect", "--source")
    assert_line(found, "index_body", "ok")


def test_sql_that_does_not_prepare_fails(app):
    well(app)
    courses.declare(app, documents="SELECT id AS _id, titel FROM course")
    assert_line(check(app, 1), "documents", "failed", "titel")


def test_an_index_has_to_serve_the_changed_time(app):
    courses.activated(app, index=NO_REPLICAS)
    assert_line(check(app, 0), "changed_index", "warning", "Seq Scan on course filters all rows", "_changed_at is read")
    app.sql(CHANGED_INDEX)
    assert_line(check(app, 0), "changed_index", "ok", "served")

    # One branch of changed.sql is served, the other is not.
    courses.declare(app, changed=courses.CHANGED)
    assert_line(check(app, 3), "changed_index", "warning", "Seq Scan on deleted_course", "changed.sql compares")
    app.sql("CREATE INDEX ON deleted_course (deleted_at)")
    assert_line(check(app, 3), "changed_index", "ok", "served")


def test_an_index_serves_a_time_without_zone_too(app):
    courses.activated(app, index=NO_REPLICAS)
    app.sql("ALTER TABLE course ALTER changed_at TYPE timestamp")
    courses.declare(app, master={"changed_at_zone": "Asia/Kathmandu"})
    assert_line(check(app, 3), "changed_index", "warning", "Seq Scan on course")
    app.sql(CHANGED_INDEX)
    assert_line(check(app, 3), "changed_index", "ok", "served")


def test_without_a_changed_time_every_update_is_a_full_one(app):
    well(app)
    courses.declare(app, documents="SELECT id AS _id, title FROM course")
    assert_line(check(app, 3), "changed_index", "warning", "no _changed_at")


def test_changed_sql_needs_no_changed_time(app):
    courses.activated(app, index=NO_REPLICAS, documents="SELECT id AS _id, title FROM course", changed=courses.CHANGED)
    assert_line(check(app, 0), "changed_index", "warning", "Seq Scan on course")
    app.sql(CHANGED_INDEX)
    app.sql("CREATE INDEX ON deleted_course (deleted_at)")
    assert_line(check(app, 0), "changed_index", "ok", "served")


def test_clocks_that_are_apart_are_a_warning(app):
    well(app)
    assert_line(check(app, 0), "clocks", "ok", " ms, source ")
    found = check(app, 0, env=FAKED)
    assert_line(found, "clocks", "warning", "history +", "NTP")
    [ahead] = re.findall(r"history \+(\d+) ms", found["clocks"]["value"])
    assert abs(int(ahead) - 2 * 3600 * 1000) < 60_000


def test_a_role_that_does_not_see_the_statistics_of_others_is_a_warning(app):
    well(app)
    role = app.database + "_plain"
    app.sql(f"CREATE ROLE {role} LOGIN")
    try:
        app.sql(f"GRANT SELECT ON course TO {role}")
        env = {"ESMIGRATE_SOURCE": app.conninfo + f" user={role}"}
        assert_line(check(app, 0, env=env), "late_commits", "warning", "grace period", "GRANT pg_read_all_stats")
    finally:
        app.sql(f"DROP OWNED BY {role}")
        app.sql(f"DROP ROLE {role}")


def test_a_source_that_does_not_track_activities_fails(private_postgres, make_app):
    app = make_app(postgres=private_postgres("--set", "track_activities: off"))
    well(app, master={"overlap": "1 minute"})
    assert_line(check(app, 0), "late_commits", "ok")
    courses.declare(app, master={})
    assert_line(check(app, 1), "late_commits", "failed", "track_activities is off", "overlap")


def test_an_old_transaction_is_named(app):
    well(app)
    with app.connect() as connection:
        connection.execute("SET application_name = 'nightly'")
        with connection.transaction():
            connection.execute("SELECT 1")
            line = check(app, 0)["oldest_transaction"]
            assert line["verdict"] == "ok" and "nightly" in line["value"] and line["limit"] == "15 minutes"
            with through_wire(app) as wire:
                wire.rewrite("interval '15 minutes'", "interval '0 minutes'")
                line = check(app, 0)["oldest_transaction"]
            assert line["verdict"] == "warning" and "pg_terminate_backend" in line["fix"]


def test_a_prepared_transaction_is_a_warning(app):
    well(app)
    with app.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("UPDATE course SET title = 'Prepared' WHERE id = 1")
        connection.execute(f"PREPARE TRANSACTION '{app.database}'")
    try:
        assert_line(check(app, 0), "prepared_transactions", "warning", "one since", "ROLLBACK PREPARED")
    finally:
        app.sql(f"ROLLBACK PREPARED '{app.database}'")
    assert_line(check(app, 0), "prepared_transactions", "ok", "none")
