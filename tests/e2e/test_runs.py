"""Commands that are refused or cannot go on: exit codes, rows, and that the next run heals it."""

import re

import courses
import pytest

pytestmark = pytest.mark.either

MASTER = courses.MASTER
NO_DATABASE = "host=127.0.0.1 port=1 user=nobody dbname=nothing"
NO_ENGINE = "http://127.0.0.1:1"


def locked_table(app):
    """A connection, to be closed, that holds the table of the courses as a migration does."""
    other = app.connect()
    other.execute("BEGIN")
    other.execute("LOCK TABLE course")
    return other


# ---- servers


def test_a_server_that_cannot_be_reached_is_5_or_6_and_the_next_update_heals_it(app):
    courses.activated(app)
    before = courses.everything(app)[1:]
    courses.rename(app, 1, "One")
    app.fails(5, "es_update", MASTER, "--history", NO_DATABASE)
    for code, option in ((5, ("--source", NO_DATABASE)), (6, ("--engine", NO_ENGINE))):
        result = app.fails(code, "es_update", MASTER, "-o", "json", *option)
        row = courses.last_action(app)
        assert (row["action"], row["status"], row["instance"]) == ("update", "failed", 1)
        # A failed command still prints the instances it began.
        [item] = result.json
        assert (item["id"], item["instance"], item["status"]) == (str(row["id"]), 1, "failed")
    assert courses.everything(app)[1:] == before
    assert app.ok("es_update", MASTER)[0]["indexed"] == 1
    assert courses.titles(app, MASTER)["1"] == "One"


@pytest.mark.parametrize(
    "words",
    [("es_activate", MASTER), ("es_clear", MASTER, "1", "--yes"), ("es_drop", MASTER, "1", "--yes")],
    ids=["activate", "clear", "drop"],
)
def test_with_the_engine_down_a_command_is_6_leaves_a_row_and_can_be_repeated(app, words):
    courses.filled(app)
    before = courses.instances(app)
    app.fails(6, *words, "--engine", NO_ENGINE)
    row = courses.last_action(app)
    assert (row["action"], row["status"], row["instance"]) == (words[0].removeprefix("es_"), "failed", 1)
    assert courses.instances(app) == before
    app.ok(*words)
    assert courses.last_action(app)["status"] == "complete"


# ---- refusals


def test_every_refused_command_on_a_known_master_leaves_a_failed_row(app):
    courses.filled(app)
    app.ok("es_create", MASTER, "--force")
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    without_row = refused_without_row(
        app,
        ("es_create", MASTER, "7"),
        ("es_create", MASTER, "7", "--engine-only"),
        ("es_update", MASTER),
        ("es_update", MASTER, "7"),
        ("es_update", MASTER, "--last"),
        ("es_activate", MASTER),
        ("es_activate", MASTER, "2"),
        ("es_activate", MASTER, "7"),
        ("es_clear", MASTER, "7", "--yes"),
        ("es_drop", MASTER, "7", "--yes"),
        ("es_drop", MASTER, "--older", "--yes"),
    )
    app.ok("es_activate", MASTER, "1")
    without_row += refused_without_row(
        app,
        ("es_clear", MASTER, "1", "--yes"),
        ("es_drop", MASTER, "1", "--yes"),
        ("es_drop", MASTER, "--all", "--yes"),
    )
    assert without_row == []


def refused_without_row(app, *commands):
    """Those of the commands, all refused by state, that left no failed action of the master."""
    wrong = []
    for words in commands:
        rows = len(app.history())
        app.fails(1, *words)
        new = [(row["action"], row["status"], row["master"]) for row in app.history()[rows:]]
        if (words[0].removeprefix("es_"), "failed", MASTER) not in new:
            wrong.append(" ".join(words))
    return wrong


# ---- locks of PostgreSQL


@pytest.mark.parametrize("command", ["es_create", "es_update"])
def test_a_locked_source_table_is_5_and_the_pid_that_holds_it_is_named(app, command):
    courses.activated(app)
    other = locked_table(app)
    pid = other.info.backend_pid
    result = app.run(command, MASTER, "--lock-timeout", "1")
    other.execute("ROLLBACK")
    other.close()
    assert result.code == 5, result
    assert re.search(rf"\b{pid}\b", result.err), result
    assert courses.last_action(app)["status"] == "failed"


# ---- what a crash left


CRASHED = """
WITH verification AS (
    INSERT INTO esmigrate.index_action (id, master_id, instance_id, action, argv, tool_version, os_user, host, pid)
    SELECT gen_random_uuid(), master_id, id, 'verify', '{}', '0', 'u', 'h', 1 FROM esmigrate.index_instance
    RETURNING id, master_id, instance_id
)
INSERT INTO esmigrate.index_action
    (id, parent_id, master_id, instance_id, action, argv, tool_version, os_user, host, pid)
SELECT gen_random_uuid(), id, master_id, instance_id, 'retry', '{}', '0', 'u', 'h', 1 FROM verification
"""


def test_the_repair_of_an_es_verify_that_crashed_is_settled_with_it_and_fenced(app):
    """Also by one that has nothing to repair, and takes no writer's lock."""
    courses.activated(app)
    app.sql(CRASHED)
    before = app.sql("SELECT writer_epoch FROM esmigrate.index_instance")[0]["writer_epoch"]
    app.ok("es_verify", MASTER)
    statuses = [row["status"] for row in app.history() if row["action"] in ("verify", "retry")]
    assert sorted(statuses) == ["complete", "interrupted", "interrupted"]
    assert app.sql("SELECT writer_epoch FROM esmigrate.index_instance")[0]["writer_epoch"] == before + 1
