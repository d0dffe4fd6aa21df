"""es_init: the history and its identity."""

import pytest

import courses

pytestmark = pytest.mark.either

MASTER = courses.MASTER


def history_tables(app):
    rows = app.sql("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'esmigrate' ORDER BY 1")
    return [row["name"] for row in rows]


def test_init_creates_the_history_once(app):
    [created] = app.ok("es_init")
    assert (created["action"], created["result"]) == ("init", "created")
    contract = ["horizon", "index_action", "index_instance", "index_master", "rejected_document", "schema_migration"]
    assert [table for table in contract if table not in history_tables(app)] == []
    migrations = app.sql("SELECT version, name, sha256, oldest_binary, applied_at FROM esmigrate.schema_migration")
    assert migrations and all(len(row["sha256"]) == 64 for row in migrations)
    before = courses.everything(app)
    [again] = app.ok("es_init")
    assert again["result"] == "unchanged"
    assert courses.everything(app) == before
    assert app.history() == []


def writing_commands_are_refused(app, *texts, **options):
    before = courses.everything(app)
    for words in (
        ("es_create", MASTER, "--force"),
        ("es_update", MASTER),
        ("es_activate", MASTER),
        ("es_clear", MASTER, "1", "--yes", "--force"),
        ("es_drop", MASTER, "1", "--yes", "--force"),
    ):
        result = app.fails(1, *words, **options)
        missing = [text for text in texts if text not in result.err]
        assert not missing, f"stderr lacks {missing}\n{result}"
    assert courses.everything(app) == before


def test_another_prefix_is_refused_by_every_writing_command(app):
    courses.activated(app)
    other = {"ESMIGRATE_PREFIX": f"{app.prefix}other_"}
    writing_commands_are_refused(app, app.prefix, "HINT: ", "es_init --adopt", env=other)
    assert "es_init --adopt" in app.fails(1, "es_init", env=other).err
    app.run("es_history", env=other, check=0)


def test_adopt_takes_another_prefix_only_without_live_instances(app):
    courses.created(app)
    other = {"ESMIGRATE_PREFIX": f"{app.prefix}other_"}
    result = app.fails(1, "es_init", "--adopt", env=other)
    assert "live instances" in result.err and "HINT: " in result.err
    app.ok("es_drop", MASTER, "1", "--yes")
    app.ok("es_init", "--adopt", env=other)
    [item] = app.ok("es_create", MASTER, env=other)
    assert item["index"] == f"{app.prefix}other_course_search-2"


def test_a_prefix_that_no_index_can_have_is_wrong_use(app):
    for prefix in ("QA_", "qa/", "_qa", "q a"):
        app.fails(2, "es_init", "--prefix", prefix)
    assert history_tables(app) == []
