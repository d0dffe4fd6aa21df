"""An instance belongs to one source, one engine and one clock: what is refused when it meets another."""

import contextlib
import datetime
import tempfile

import courses
import pytest
from faults import expected_items, filled_items, instance
from servers import Engine

pytestmark = pytest.mark.either

MASTER = courses.MASTER
OVERLAP = datetime.timedelta(seconds=5)
# With no overlap a row that is missed cannot hide behind it.
NO_OVERLAP = {"overlap": "0 seconds"}


@pytest.fixture(scope="module")
def other_engine(engine, server_folder):
    """A second cluster; one for all tests of this file, because it takes ten seconds."""
    server = Engine(engine.family, tempfile.mkdtemp(prefix="other.", dir=server_folder))
    yield server
    server.remove()


@contextlib.contextmanager
def stamping(app, doc_id, **options):
    """An open transaction that has stamped and renamed an item: (connection, when it began)."""
    with contextlib.closing(app.connect(**options)) as connection:
        connection.execute("BEGIN")
        connection.execute("UPDATE item SET title = '\"Late\"', changed_at = now() WHERE id = %s", (doc_id,))
        yield connection, connection.execute("SELECT now()").fetchone()["now"]


def cluster_uuid(server):
    return server.must("GET", "")["cluster_uuid"]


def recorded_cluster(app):
    [row] = app.sql("SELECT cluster_uuid FROM esmigrate.installation")
    return row["cluster_uuid"]


# ---- the source


def copy_items(app, copy):
    """The table item of app, with other titles, in the database of copy."""
    copy.sql("CREATE TABLE item (id bigint PRIMARY KEY, title json, amount text, changed_at timestamptz NOT NULL)")
    for row in app.sql("SELECT id, amount FROM item"):
        copy.sql(
            "INSERT INTO item VALUES (%s, '\"Copied\"', %s, now() - interval '1 hour')", (row["id"], row["amount"])
        )


def test_a_changed_update_from_another_database_is_refused_with_the_hint_at_full(make_app):
    app, copy = make_app(), make_app()
    filled_items(app, 5, master=NO_OVERLAP)
    copy_items(app, copy)
    before = instance(app)["changed_through"]
    for options in ([], ["--since", "2001-01-01T00:00:00Z"]):
        result = app.fails(1, "es_update", "item", "--source", copy.conninfo, *options)
        assert "HINT:" in result.err and "--full" in result.err
    assert instance(app)["changed_through"] == before
    assert app.docs("item") == expected_items(app)


def test_one_that_can_only_be_full_is_refused_too(make_app):
    app, copy = make_app(), make_app()
    filled_items(app, 5, documents="SELECT id AS _id, title, amount FROM item")
    copy_items(app, copy)
    copy.sql("DELETE FROM item WHERE id < 4")
    result = app.fails(1, "es_update", "item", "--source", copy.conninfo)
    assert "was filled from another source database" in result.err
    assert app.docs("item") == expected_items(app)
    app.ok("es_update", "item", "--source", copy.conninfo, "--full")
    assert len(app.docs("item")) == 2


def test_a_full_update_from_another_database_takes_that_databases_horizon(make_app):
    """The old database's mark would hide what a transaction of the new one has stamped before."""
    app, copy = make_app(), make_app()
    filled_items(app, 5, master=NO_OVERLAP)
    copy_items(app, copy)
    with stamping(copy, 3) as (late, began):
        # Only now, so that the mark that the instance has from its own database is behind the stamp.
        app.ok("es_update", "item")
        assert instance(app)["changed_through"] > began
        app.ok("es_update", "item", "--source", copy.conninfo, "--full")
        assert instance(app)["changed_through"] <= began
        assert app.docs("item")["3"]["title"] == "Copied"
        late.execute("COMMIT")
    [item] = app.ok("es_update", "item", "--source", copy.conninfo)
    assert item["mode"] == "changed"
    assert app.docs("item")["3"]["title"] == "Late"
    assert app.docs("item") == expected_items(copy)


# ---- sessions that cannot be seen


@pytest.fixture
def quiet_role(app):
    """A role whose sessions do not tell what they do, whatever the rights of esmigrate's role are."""
    role = f"quiet_{app.database}"
    app.sql(f"CREATE ROLE {role} LOGIN")
    app.sql(f"ALTER ROLE {role} SET track_activities = off")
    yield role
    app.sql(f"DROP OWNED BY {role}")
    app.sql(f"DROP ROLE {role}")


def test_a_session_that_hides_its_transaction_needs_an_explicit_overlap(app, quiet_role):
    filled_items(app, 5)
    app.sql(f"GRANT SELECT, UPDATE ON item TO {quiet_role}")
    before = instance(app)["changed_through"]
    with stamping(app, 3, user=quiet_role) as (late, began):
        result = app.fails(1, "es_update", "item")
        assert "HINT:" in result.err and "overlap" in result.err
        assert instance(app)["changed_through"] == before
        app.declare("item", master={"overlap": "10 minutes"})
        app.ok("es_update", "item")
        assert instance(app)["changed_through"] <= began
        late.execute("COMMIT")
    app.ok("es_update", "item")
    assert app.docs("item")["3"]["title"] == "Late"


# ---- the clock


def test_a_clock_behind_changed_through_is_refused_until_a_full_update(app):
    filled_items(app, 5)
    app.sql("UPDATE esmigrate.index_instance SET changed_through = now() + interval '1 day'")
    ahead = instance(app)["changed_through"]
    app.sql("UPDATE item SET title = '\"Meanwhile\"', changed_at = now() WHERE id = 3")
    result = app.fails(1, "es_update", "item")
    assert "clock went back" in result.err and "HINT:" in result.err and "--full" in result.err
    assert instance(app)["changed_through"] == ahead
    assert app.history()[-1]["status"] == "failed"

    app.ok("es_update", "item", "--full")
    assert instance(app)["changed_through"] < ahead
    assert app.docs("item") == expected_items(app)
    [item] = app.ok("es_update", "item")
    assert item["mode"] == "changed"


# ---- the engine


def test_every_writing_command_refuses_another_cluster_and_names_both(app, other_engine):
    courses.activated(app)
    app.ok("es_create", MASTER, "--force")
    app.ok("es_update", MASTER, "2")
    app.ok("es_activate", MASTER, "2")
    app.ok("es_create", MASTER, "--force")
    more = {**courses.INDEX["mappings"]["properties"], "level": {"type": "integer"}}
    courses.declare(app, index={"mappings": {"dynamic": "strict", "properties": more}})
    before = courses.instances(app)
    for command in (
        ["es_drop", MASTER, "3", "--yes"],
        ["es_drop", MASTER, "--all", "--yes", "--force"],
        ["es_clear", MASTER, "3", "--yes"],
        ["es_update", MASTER],
        ["es_update", MASTER, "--wait-servers=5"],
        ["es_create", MASTER, "--force"],
        ["es_create", MASTER, "--in-place"],
        ["es_activate", MASTER, "3", "--force"],
        ["es_activate", MASTER, "1", "--no-update", "--no-verify"],
        ["es_rollback", MASTER],
        ["es_rollback", MASTER, "--allow-stale"],
        ["es_rollback", MASTER, "--rehearse"],
        ["es_deploy", MASTER],
        ["es_verify", MASTER, "--repair"],
        ["es_prune", MASTER, "--older-than", "0", "--yes"],
        ["es_prune", "--all", "--older-than", "0", "--orphans", "--yes"],
    ):
        result = app.fails(1, *command, "--engine", other_engine.url)
        detail = result.err[result.err.index("DETAIL:"):]
        assert cluster_uuid(app.engine_server) in detail and cluster_uuid(other_engine) in detail
        assert "es_init --adopt" in result.err
    # The history's own counters may have moved; what an instance is has not.
    after = courses.instances(app)
    assert [(name, row["state"], row["dropped_at"]) for name, row in after.items()] == [
        (name, row["state"], row["dropped_at"]) for name, row in before.items()
    ]
    assert len(app.indices()) == 3 and len(app.docs(MASTER)) == 3
    assert other_engine.must("GET", f"_cat/indices/{app.prefix}*?format=json") == []
    assert recorded_cluster(app) == cluster_uuid(app.engine_server)


def test_es_init_adopt_takes_the_other_cluster_over(app, other_engine):
    courses.filled(app)
    app.ok("es_init", "--adopt")
    app.env[f"{app.engine_server.family.upper()}_URL"] = other_engine.url
    app.fails(1, "es_create", MASTER)  # the declaration has an instance, whose index is not here
    app.ok("es_create", MASTER, "--engine-only")
    assert recorded_cluster(app) == cluster_uuid(other_engine)
    try:
        app.ok("es_update", MASTER, "1")
        index = app.full_name("course_search-1")
        other_engine.must("POST", f"{index}/_refresh")
        assert other_engine.must("GET", f"{index}/_count")["count"] == 3
    finally:
        other_engine.request("DELETE", app.full_name("course_search-1"))


def test_looking_at_a_cluster_records_nothing(app, other_engine):
    courses.make_courses(app)
    courses.declare(app)
    app.ok("es_init")
    for url in (other_engine.url, app.engine_server.url):
        app.run("es_list", "--engine", url, check=0)
        assert recorded_cluster(app) is None
    app.ok("es_create", MASTER)
    before = courses.everything(app)
    app.run("es_list", "--engine", other_engine.url, check=0)
    app.run("es_create", MASTER, "--force", "--dry-run", "--engine", other_engine.url)
    assert courses.everything(app) == before
