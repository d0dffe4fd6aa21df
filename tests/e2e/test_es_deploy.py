"""es_deploy: what a pipeline calls. Create if the declaration changed, update, activate; the same again does nothing."""

import courses
import pytest
from faults import switch_call, through_proxy, wait_until
from test_locks import INSTANCE_LOCK, MASTER_LOCK, VERIFY_LOCK

pytestmark = pytest.mark.either

MASTER = courses.MASTER


def ready(app, **files):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app, **files)


def deployed(app, **files):
    ready(app, **files)
    app.ok("es_deploy", MASTER)


def steps(items):
    return [(item["action"], item["instance"], item["result"]) for item in items]


def expect(app, number, titles):
    index = f"course_search-{number}"
    assert app.alias(MASTER) == [app.full_name(index)]
    assert courses.active_index(app) == index
    assert courses.titles(app, MASTER) == titles


PLAIN = {str(number): f"Course {number}" for number in (1, 2, 3)}
UPPER = {key: title.upper() for key, title in PLAIN.items()}


def test_the_first_deploy(app):
    ready(app)
    items = app.ok("es_deploy", MASTER)
    courses.assert_fields(items, courses.RESULT_FIELDS)
    assert steps(items) == [("create", 1, "created"), ("update", 1, "complete"), ("activate", 1, "activated")]
    expect(app, 1, PLAIN)
    parent = app.history()[0]
    assert (parent["action"], parent["status"]) == ("deploy", "complete")
    parts = [row["action"] for row in app.history() if row["parent_id"] == parent["id"]]
    assert parts == ["create", "update", "activate"]


def test_the_same_again_changes_nothing(app):
    deployed(app)
    before = courses.instances(app)["course_search-1"]["index_uuid"], courses.versions(app, MASTER), app.indices()
    items = app.ok("es_deploy", MASTER)
    assert steps(items) == [("create", 1, "unchanged"), ("update", 1, "complete"), ("activate", 1, "already_active")]
    after = courses.instances(app)["course_search-1"]["index_uuid"], courses.versions(app, MASTER), app.indices()
    assert after == before


def test_it_brings_up_to_date_what_is_deployed_already(app):
    deployed(app)
    courses.rename(app, 1, "New")
    app.ok("es_deploy", MASTER)
    expect(app, 1, {**PLAIN, "1": "New"})


def test_a_changed_declaration_and_the_way_back(app):
    deployed(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    items = app.ok("es_deploy", MASTER)
    assert steps(items) == [("create", 2, "created"), ("update", 2, "complete"), ("activate", 2, "activated")]
    expect(app, 2, UPPER)
    courses.rename(app, 1, "New")
    courses.declare(app)
    items = app.ok("es_deploy", MASTER)
    assert steps(items) == [("create", 1, "unchanged"), ("update", 1, "complete"), ("activate", 1, "activated")]
    expect(app, 1, {**PLAIN, "1": "New"})
    assert len(app.indices()) == 2


def test_of_several_with_the_declaration_it_is_the_newest(app):
    deployed(app)
    app.ok("es_create", MASTER, "--force")
    assert steps(app.ok("es_deploy", MASTER))[-1] == ("activate", 2, "activated")
    expect(app, 2, PLAIN)


def test_warm_stops_before_the_switch_and_the_rest_follows(app):
    deployed(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    items = app.ok("es_deploy", MASTER, "--warm")
    assert steps(items) == [("create", 2, "created"), ("update", 2, "complete"), ("verify", 2, "verified")]
    expect(app, 1, PLAIN)
    parent, *parts = app.history()[-4:]
    assert [(row["action"], row["status"], row["parent_id"]) for row in parts] == [
        (action, "complete", parent["id"]) for action in ("create", "update", "verify")]
    assert str(parts[-1]["id"]) == items[-1]["id"]
    assert courses.titles(app, "course_search-2") == UPPER
    before = courses.versions(app, "course_search-2")
    assert steps(app.ok("es_deploy", MASTER))[-1] == ("activate", 2, "activated")
    expect(app, 2, UPPER)
    assert courses.versions(app, MASTER) == before


def test_warm_tells_what_the_switch_would_be_refused_for(app):
    """Hours before: a query of the application finds less than it did."""
    deployed(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS + " WHERE id > 1")
    query = {"name": "all", "body": {"query": {"match_all": {}}}, "max_total_divergence": 0.1}
    courses.declare_queries(app, query)
    result = app.fails(1, "es_deploy", MASTER, "--warm", "-o", "json")
    assert steps(result.json) == [("create", 2, "created"), ("update", 2, "complete"), ("verify", 2, None)]
    assert "query_results" in result.err
    assert (app.history()[-1]["action"], app.history()[-1]["status"]) == ("verify", "failed")
    expect(app, 1, PLAIN)
    items = app.ok("es_deploy", MASTER, "--warm", "--no-verify")
    assert steps(items) == [("create", 2, "unchanged"), ("update", 2, "complete")]
    assert planned(app, "--warm", "--no-verify")[0] == [("create", 2, "unchanged"), ("update", 2, "changed")]


def test_every_declaration(app):
    ready(app)
    courses.declare(app, "author_search")
    items = app.ok("es_deploy", "--all")
    assert [(item["master"], item["action"]) for item in items] == [
        (master, action) for master in ("author_search", MASTER) for action in ("create", "update", "activate")
    ]
    assert app.alias("author_search") == [app.full_name("author_search-1")]
    expect(app, 1, PLAIN)


def planned(app, *options):
    """The steps of a dry run, which must write nothing."""
    before = courses.everything(app)
    result = app.run("es_deploy", MASTER, "--dry-run", "-o", "json", *options, check=0)
    assert courses.everything(app) == before
    assert "dry run: nothing was changed" in result.err
    assert {item["id"] for item in result.json} == {None}
    assert {item["index"] for item in result.json} == {app.full_name(f"{MASTER}-{result.json[0]['instance']}")}
    return steps(result.json), result.err


def test_the_dry_run_prints_the_steps_and_writes_nothing(app):
    # A new master, which the history does not know yet.
    ready(app)
    plan, said = planned(app)
    assert plan == [("create", 1, "created"), ("update", 1, "full"), ("activate", 1, "activated")]
    assert f"{MASTER}: es_create would make instance 1" in said
    assert planned(app, "--warm")[0] == [*plan[:2], ("verify", 1, "verified")]
    done = app.ok("es_deploy", MASTER)
    assert [step[:2] for step in steps(done)] == [step[:2] for step in plan]
    # An unchanged one.
    unchanged = [("create", 1, "unchanged"), ("update", 1, "changed"), ("activate", 1, "already_active")]
    assert planned(app)[0] == unchanged
    # A changed one; and when it is there, and empty.
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    plan, said = planned(app)
    assert plan == [("create", 2, "created"), ("update", 2, "full"), ("activate", 2, "activated")]
    # Why, as es_plan says it: in JSON on stderr.
    diff = app.run("es_plan", MASTER, check=0).out
    assert diff.startswith("documents.sql line 1: new instance") and f"\n  + {courses.OTHER_DOCUMENTS}" in diff
    assert diff in said
    app.ok("es_create", MASTER)
    plan, said = planned(app)
    assert plan == [("create", 2, "unchanged"), ("update", 2, "full"), ("activate", 2, "activated")]
    assert "it would then be brought up to date and verified, and the aliases switched to it" in said
    assert "documents.sql" not in said
    app.ok("es_deploy", MASTER)
    # A reverted one: the instance that has it already.
    courses.declare(app)
    assert planned(app)[0] == [("create", 1, "unchanged"), ("update", 1, "changed"), ("activate", 1, "activated")]
    expect(app, 2, UPPER)
    table = app.run("es_deploy", MASTER, "-n", check=0).out.splitlines()
    assert [line.split()[0] for line in table] == ["action", "create", "update", "activate"]
    courses.declare(app, documents=courses.OTHER_DOCUMENTS + " WHERE true")
    diff = app.run("es_plan", MASTER, check=0).out
    assert app.run("es_deploy", MASTER, "-n", check=0).out.startswith(f"{diff}\naction")


def test_a_plan_that_cannot_be_carried_out_fails_as_the_run_would(app):
    deployed(app)
    before = courses.everything(app)
    app.fails(5, "es_deploy", MASTER, "--dry-run", "--source", "host=127.0.0.1 port=1 user=nobody dbname=nothing")
    app.fails(6, "es_deploy", MASTER, "--dry-run", "--engine", "http://127.0.0.1:1")
    courses.declare(app, documents="SELECT nothing")
    app.fails(2, "es_deploy", MASTER, "--dry-run")
    assert courses.everything(app) == before


@pytest.mark.parametrize("busy", ["create", "update", "verify"])
def test_one_that_leaves_a_step_to_another_run_is_not_complete(app, busy):
    """With --if-busy=skip it ends well, for cron, but the history does not say that it deployed."""
    courses.activated(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    app.ok("es_create", MASTER)
    [row] = app.sql("SELECT id, master_id FROM esmigrate.index_instance WHERE number = 2")
    lock = {"create": (MASTER_LOCK, row["master_id"]), "update": (INSTANCE_LOCK, row["id"]), "verify": (VERIFY_LOCK, row["id"])}
    with app.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s::integer, %s::integer)", lock[busy])
        result = app.run("es_deploy", MASTER, "--warm", "--if-busy=skip", check=0)
    assert "warning: course_search is not deployed: another run is at work." in result.err
    [parent] = [row for row in app.history() if row["action"] == "deploy"]
    assert (parent["status"], parent["result"]) == ("partial", "skipped")
    app.ok("es_deploy", MASTER)
    assert courses.active_index(app) == "course_search-2"


def test_wrong_use(app):
    deployed(app)
    assert "--all" in app.fails(2, "es_deploy").err
    app.fails(2, "es_deploy", MASTER, "--all")
    assert "masters, not instances" in app.fails(2, "es_deploy", MASTER, "1").err
    assert "there is no declaration" in app.fails(2, "es_deploy", "nothing_search").err


def test_rejected_documents_stop_it_before_the_switch(app):
    deployed(app)
    app.sql("ALTER TABLE course ADD COLUMN hours text DEFAULT '1'")
    mapping = {"title": {"type": "text"}, "hours": {"type": "integer"}}
    courses.declare(
        app,
        index={"mappings": {"dynamic": "strict", "properties": mapping}},
        documents="SELECT id AS _id, changed_at AS _changed_at, title, hours FROM course",
    )
    app.sql("UPDATE course SET hours = 'many', changed_at = now() WHERE id = 1")
    result = app.fails(4, "es_deploy", MASTER, "-o", "json")
    assert steps(result.json) == [("create", 2, "created"), ("update", 2, "partial")]
    assert "1 rejected document is open" in result.err
    expect(app, 1, PLAIN)
    app.fails(4, "es_deploy", MASTER, "--warm")
    app.sql("UPDATE course SET hours = '3', changed_at = now() WHERE id = 1")
    assert steps(app.ok("es_deploy", MASTER))[-1] == ("activate", 2, "activated")
    expect(app, 2, PLAIN)


def test_rejected_documents_may_be_allowed(app):
    ready(app, index={"mappings": {"properties": {"title": {"type": "integer"}}}})
    app.sql("UPDATE course SET title = id WHERE id < 3")
    app.fails(4, "es_deploy", MASTER)
    app.ok("es_deploy", MASTER, "--allow-rejected", "1")
    expect(app, 1, {"1": "1", "2": "2"})


# ---- killed

STEPS = {
    "the look at the alias": ("GET", "/_alias/", 1),
    "the index": ("PUT", "course_search-2$", 1),
    "the documents": ("POST", "_bulk", 1),
    "the switch": ("POST", "^/_aliases", 1),
    "the look after the switch": ("GET", "/_alias/", -1),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_the_same_again_is_at_the_same_end(app, step, when):
    deployed(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    method, pattern, nth = STEPS[step]
    if step == "the switch":
        nth = switch_call(app)
    if nth < 0:
        with through_proxy(app) as proxy:
            app.ok("es_deploy", MASTER)
            nth = sum(method == m and pattern in path for m, path in proxy.seen)
        courses.declare(app, documents=courses.OTHER_DOCUMENTS + " WHERE true")
    with through_proxy(app) as proxy:
        held = proxy.hold(method, pattern, when, nth=nth)
        process = app.start("es_deploy", MASTER)
        wait_until(lambda: held.reached.is_set() or not process.running)
        assert held.reached.is_set(), process.wait()
        process.kill()
    app.ok("es_deploy", MASTER)
    newest = max(int(name.rpartition("-")[2]) for name in app.indices())
    expect(app, newest, UPPER)
    assert newest == (3 if step == "the look after the switch" else 2)
    assert [row for row in app.history() if row["status"] == "running"] == []
    assert {row["status"] for row in app.history() if row["action"] == "deploy"} == {"complete", "interrupted"}


# ---- a copy of a production history


STAGING = {
    "deploy": ["es_deploy", MASTER],
    "rollback": ["es_rollback", MASTER],
    "stale rollback": ["es_rollback", MASTER, "--allow-stale"],
    "rehearsal": ["es_rollback", MASTER, "--rehearse"],
    "activate": ["es_activate", MASTER, "1"],
    "unproved activate": ["es_activate", MASTER, "1", "--force", "--no-update", "--no-verify"],
    "update": ["es_update", MASTER],
    "full update": ["es_update", MASTER, "--full"],
    "prune": ["es_prune", MASTER, "--older-than", "0", "--yes"],
    "prune all": ["es_prune", "--all", "--older-than", "0", "--orphans", "--yes"],
    "verify repair": ["es_verify", MASTER, "--repair"],
    "create in place": ["es_create", MASTER, "--in-place"],
    "create": ["es_create", MASTER, "--force"],
    "engine only": ["es_create", MASTER, "--engine-only"],
    "retry": ["es_retry", MASTER],
    "clear": ["es_clear", f"{MASTER}-1", "--yes"],
    "drop": ["es_drop", MASTER, "--all", "--force", "--yes"],
}


def test_a_staging_copy_of_the_history_touches_nothing_of_productions(make_app):
    production, staging = make_app(), make_app()
    deployed(production)
    production.ok("es_create", MASTER, "--force")
    production.ok("es_deploy", MASTER)  # the first is what a rollback goes back to, and a prune drops
    production._connection.close()
    staging.postgres.execute(f"DROP DATABASE {staging.database}")
    staging.postgres.execute(f"CREATE DATABASE {staging.database} TEMPLATE {production.database}")
    more = {**courses.INDEX["mappings"]["properties"], "level": {"type": "integer"}}
    courses.declare(staging, index={"mappings": {"dynamic": "strict", "properties": more}})
    staging.sql("UPDATE course SET title = 'Staging', changed_at = now()")
    staging.env["ESMIGRATE_PREFIX"] = production.prefix
    own = {"ESMIGRATE_PREFIX": staging.prefix}
    before = courses.everything(production)
    for command in STAGING.values():
        result = staging.fails(1, *command)
        assert "copied" in result.err and "es_init --adopt" in result.err, result
        staging.fails(1, *command, env=own)
    assert courses.everything(production) == before
    # Nor after an adoption, which is for a history that replaces the other.
    staging.fails(8, "es_init", "--adopt")
    staging.fails(1, "es_init", "--adopt", "--yes", env=own)
    assert courses.everything(production) == before
    # A history of its own, as the message says.
    staging.sql("DROP SCHEMA esmigrate CASCADE")
    staging.ok("es_init", env=own)
    staging.ok("es_deploy", MASTER, env=own)
    staging.ok("es_prune", "--all", "--older-than", "0", "--orphans", "--yes", env=own)
    assert courses.everything(production) == before
    staging.prefix = own["ESMIGRATE_PREFIX"]
    expect(staging, 1, {number: "Staging" for number in PLAIN})
