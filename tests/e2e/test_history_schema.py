"""Section 4 of the design: the history's schema, what it enforces, and whom it serves."""

import contextlib
import pathlib
import re

import psycopg
import pytest

from faults import declare_items, filled_items, instance
from servers import ROOT

pytestmark = pytest.mark.either

STATEMENTS = sorted((ROOT / "sql").glob("*/*.sql"))
TABLES = "SELECT c.oid, c.relname FROM pg_class c WHERE c.relnamespace = 'esmigrate'::regnamespace AND c.relkind = 'r'"


def refused(app, statement, *params):
    """The statement breaks a rule of the database: what it says."""
    with pytest.raises(psycopg.IntegrityError) as caught:
        app.sql(statement, params or None)
    return str(caught.value)


# ---- es_init


def test_init_is_idempotent(app):
    app.run("es_init", check=0)
    before = app.sql("SELECT * FROM esmigrate.schema_migration"), app.sql("SELECT * FROM esmigrate.installation")
    app.run("es_init", check=0)
    after = app.sql("SELECT * FROM esmigrate.schema_migration"), app.sql("SELECT * FROM esmigrate.installation")
    assert after == before
    assert len(before[0]) == len(list((ROOT / "migrations").glob("*.sql")))


def test_eight_inits_at_once_all_succeed(app):
    processes = [app.start("es_init") for _ in range(8)]
    for process in processes:
        process.wait(check=0)
    assert len(app.sql("SELECT version FROM esmigrate.schema_migration")) == len(
        list((ROOT / "migrations").glob("*.sql"))
    )
    assert len(app.sql("SELECT prefix FROM esmigrate.installation")) == 1


def test_every_table_and_column_has_a_comment(app):
    app.ok("es_init")
    tables = app.sql(f"SELECT t.relname, obj_description(t.oid, 'pg_class') AS comment FROM ({TABLES}) t")
    assert {"index_master", "index_instance", "index_action", "rejected_document", "horizon", "schema_migration"} <= {
        table["relname"] for table in tables
    }
    assert [table["relname"] for table in tables if not table["comment"]] == []
    columns = app.sql(
        f"""
        SELECT t.relname || '.' || a.attname AS name FROM ({TABLES}) t
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE col_description(t.oid, a.attnum) IS NULL
        """
    )
    assert columns == []


# ---- what the database enforces


def test_there_is_one_active_instance_per_master_and_it_is_of_that_master(app):
    filled_items(app, 3)
    app.declare("other", index={}, documents="SELECT 1 AS _id, 1 AS one")
    app.ok("es_create", "other")
    [other] = app.sql("SELECT id FROM esmigrate.index_master WHERE name = 'other'")
    [item] = app.sql("SELECT active_instance_id AS id FROM esmigrate.index_master WHERE name = 'item'")
    refused(app, "UPDATE esmigrate.index_master SET active_instance_id = %s WHERE id = %s", item["id"], other["id"])


def test_a_closed_action_never_changes_and_is_never_deleted(app):
    filled_items(app, 3)
    columns = [row["attname"] for row in app.sql(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'esmigrate.index_action'::regclass AND attnum > 0"
        " AND attname IN ('status', 'docs_indexed', 'error', 'finished_at', 'argv', 'started_at')")]
    assert len(columns) == 6
    for column in columns:
        other = {"status": "'failed'", "docs_indexed": "99", "error": "'x'", "argv": "'{}'"}.get(column, "now()")
        refused(app, f"UPDATE esmigrate.index_action SET {column} = {other}")
    refused(app, "UPDATE esmigrate.index_action SET status = 'running', finished_at = NULL")
    refused(app, "DELETE FROM esmigrate.index_action")
    refused(app, "TRUNCATE esmigrate.index_action CASCADE")


def test_numbers_are_unique_per_master(app):
    filled_items(app, 3)
    app.ok("es_create", "item", "--force")
    refused(app, "UPDATE esmigrate.index_instance SET number = 1 WHERE number = 2")
    columns = ", ".join(row["attname"] for row in app.sql(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'esmigrate.index_instance'::regclass AND attnum > 0"
        " AND attname NOT IN ('id', 'index_name')"))
    refused(app, f"INSERT INTO esmigrate.index_instance (index_name, {columns})"
                 f" SELECT 'x', {columns} FROM esmigrate.index_instance WHERE number = 2")


def test_a_dropped_instance_is_never_active(app):
    filled_items(app, 3)
    refused(app, "UPDATE esmigrate.index_instance SET state = 'dropped', dropped_at = now()")
    app.ok("es_create", "item", "--force")
    app.ok("es_drop", "item-2", "--yes")
    refused(app, "UPDATE esmigrate.index_master SET active_instance_id = %s", instance(app, 2)["id"])
    refused(app, "UPDATE esmigrate.index_instance SET state = 'ready', dropped_at = NULL WHERE number = 2")


def test_read_version_and_epoch_only_grow(app):
    filled_items(app, 3)
    refused(app, "UPDATE esmigrate.index_instance SET read_version = read_version - 1")
    app.sql("UPDATE esmigrate.index_instance SET writer_epoch = writer_epoch + 1")
    refused(app, "UPDATE esmigrate.index_instance SET writer_epoch = writer_epoch - 1")


def test_a_complete_action_accounts_for_all_it_sent(app):
    app.ok("es_init")
    insert = """
        INSERT INTO esmigrate.index_action (id, action, status, finished_at, argv, tool_version, os_user, host, pid,
            docs_sent, docs_indexed)
        VALUES (gen_random_uuid(), 'update', 'complete', clock_timestamp() + interval '1 second', '{}', '0', 'u', 'h',
            1, 10, %s)
    """
    refused(app, insert, 9)
    app.sql(insert, (10,))


# ---- the statements


def test_every_statement_prepares_and_its_first_line_names_its_parameters(app):
    declare_items(app, 1)
    app.ok("es_track", "item", "--table", "item", "--id", "id", "--apply", "--yes")
    wrong = {}
    with contextlib.closing(app.connect()) as connection:
        for file in STATEMENTS:
            problem = check_statement(connection.pgconn, file)
            if problem:
                wrong[str(file.relative_to(ROOT))] = problem
    assert wrong == {}


def check_statement(pgconn, file):
    """What is wrong with the file, or None."""
    text = pathlib.Path(file).read_text(encoding="utf-8")
    prepared = pgconn.prepare(b"", text.encode())
    if prepared.status != psycopg.pq.ExecStatus.COMMAND_OK:
        return prepared.error_message.decode()
    count = pgconn.describe_prepared(b"").nparams
    first = text.splitlines()[0]
    named = [int(number) for number in re.findall(r"\$(\d+)", first)]
    if not first.startswith("--") or named != list(range(1, count + 1)):
        return f"it has {count} parameters, its first line names {named}: {first}"
    if not count and not first.startswith("-- no parameters."):
        return f"its first line does not say that it has no parameters: {first}"
    return None


# ---- whose history it is


def test_a_copied_database_is_refused_until_it_is_adopted(app):
    filled_items(app, 3)
    copy = f"{app.database}_copy"
    env = {"ESMIGRATE_HISTORY": app.postgres.conninfo(copy)}
    app.sql("SELECT 1")
    app._connection.close()  # a template must have no sessions
    app.postgres.execute(f"CREATE DATABASE {copy} TEMPLATE {app.database}")
    try:
        for command in (
            ["es_create", "item", "--force"], ["es_update", "item"], ["es_activate", "item", "1"],
            ["es_clear", "item-1", "--yes", "--force"], ["es_drop", "item-1", "--yes", "--force"], ["es_init"],
        ):
            result = app.fails(1, *command, env=env)
            assert "copied" in result.err and "es_init --adopt" in result.err
        app.run("es_history", env=env, check=0)
        app.run("es_list", env=env, check=0)
        assert app.indices() == [f"{app.prefix}item-1"]
        app.fails(8, "es_init", "--adopt", env=env)
        app.run("es_init", "--adopt", "--yes", env=env, check=0)
        app.run("es_update", "item", env=env, check=1)  # the source is another database, too
        app.run("es_update", "item", "--full", env=env, check=0)
    finally:
        app.postgres.execute(f"DROP DATABASE {copy} WITH (FORCE)")


def test_another_prefix_is_refused(app):
    filled_items(app, 3)
    for command in ["es_create", "item"], ["es_update", "item"], ["es_drop", "item-1", "--yes"], ["es_init"]:
        result = app.fails(1, *command, "--prefix", "other_")
        assert app.prefix in result.err and "HINT:" in result.err
    app.fails(1, "es_init", "--adopt", "--prefix", "other_")
    app.ok("es_update", "item")


def test_an_older_schema_is_refused_with_the_command_that_upgrades_it(app):
    declare_items(app, 3)
    app.sql("DELETE FROM esmigrate.schema_migration")
    for command in ["es_create", "item"], ["es_list"], ["es_history"]:
        assert "es_init" in app.fails(1, *command).err


def test_a_newer_schema_is_refused_only_if_it_says_so(app):
    declare_items(app, 3)
    add = "INSERT INTO esmigrate.schema_migration VALUES (%s, 'later', 'x', %s)"
    app.sql(add, (9000, "0.0.1"))
    app.ok("es_create", "item")
    app.ok("es_update", "item", "1")
    app.run("es_init", check=0)
    app.sql(add, (9001, "99.1"))
    for command in ["es_create", "item"], ["es_update", "item", "1"], ["es_init"]:
        result = app.fails(1, *command)
        assert "99.1" in result.err and "HINT:" in result.err


def test_a_migration_that_was_changed_after_it_was_applied_is_noticed(app):
    app.ok("es_init")
    app.sql("UPDATE esmigrate.schema_migration SET sha256 = 'other' WHERE version = 1")
    assert "0001_history" in app.fails(1, "es_init").err


def test_without_the_schema_every_command_names_es_init(app):
    app.declare("item", index={}, documents="SELECT 1 AS _id, 1 AS one")
    for command in (
        ["es_create", "item"], ["es_update", "item"], ["es_activate", "item"], ["es_drop", "item-1", "--yes"],
        ["es_list"], ["es_history"],
    ):
        assert "es_init" in app.fails(1, *command).err
