"""es_history: the actions, newest first."""

import os
import pwd
import socket

import courses
import pytest

pytestmark = pytest.mark.either

MASTER = courses.MASTER
HISTORY_FIELDS = {
    "id": courses.is_uuid,
    "parent": courses.or_null(courses.is_uuid),
    "master": courses.or_null(courses.is_text),
    "instance": courses.or_null(courses.is_count),
    "index": courses.or_null(courses.is_text),
    "action": courses.is_text,
    "status": lambda value: value in ("running", "complete", "partial", "failed", "interrupted"),
    "started_at": courses.is_time,
    "finished_at": courses.or_null(courses.is_time),
    "docs_indexed": courses.is_count,
    "docs_deleted": courses.is_count,
    "docs_rejected": courses.is_count,
    "changed_from": courses.or_null(courses.is_time),
    "changed_through": courses.or_null(courses.is_time),
    "argv": lambda value: isinstance(value, list) and all(map(courses.is_text, value)),
    "tag": courses.or_null(courses.is_text),
    "os_user": courses.is_text,
    "host": courses.is_text,
    "error": courses.or_null(courses.is_text),
}


def shown(items, *fields):
    return [tuple(item[field] for field in fields) for item in items]


@pytest.fixture(scope="module")
def day(postgres_server, engine, tmp_path_factory):
    """An application that the tests only look at: four commands for course_search that worked, one of three actions,
    and one that failed, then two creates under a parent."""
    app = courses.own_app(postgres_server, engine, tmp_path_factory.mktemp("day"))
    courses.filled(app)
    app.ok("es_activate", MASTER, "--tag", "release 7")
    courses.rename(app, 1, "One")
    app.fails(1, "es_create", MASTER, "7")
    app.ok("es_update", MASTER)
    courses.declare(app, "author_search")
    app.ok("es_create", "--all")
    yield app
    app.clean_up()


def test_history_shows_every_action_newest_first(day):
    items = day.ok("es_history")
    courses.assert_fields(items, HISTORY_FIELDS)
    assert shown(items, "master", "instance", "action", "status") == [
        (MASTER, 1, "create", "complete"),
        ("author_search", 1, "create", "complete"),
        (None, None, "create", "complete"),
        (MASTER, 1, "update", "complete"),
        (MASTER, None, "create", "failed"),
        (MASTER, 1, "update", "complete"),
        (MASTER, 1, "update", "complete"),
        (MASTER, 1, "activate", "complete"),
        (MASTER, 1, "update", "complete"),
        (MASTER, 1, "create", "complete"),
    ]
    assert items[0]["parent"] == items[1]["parent"] == items[2]["id"]
    assert items[5]["parent"] == items[6]["parent"] == items[7]["id"]
    assert [item["id"] for item in reversed(items)] == [str(row["id"]) for row in day.history()]

    update, failed, _, _, activate = items[3:8]
    assert (update["docs_indexed"], update["docs_deleted"], update["docs_rejected"]) == (1, 0, 0)
    assert courses.moment(update["changed_from"]) < courses.moment(update["changed_through"])
    assert courses.moment(update["started_at"]) <= courses.moment(update["finished_at"])
    assert update["index"] == day.full_name("course_search-1")
    assert update["argv"][-4:] == ["es_update", MASTER, "-o", "json"]
    assert (update["os_user"], update["host"]) == (pwd.getpwuid(os.geteuid()).pw_name, socket.gethostname())
    assert "there is no live instance 7" in failed["error"]
    assert activate["tag"] == "release 7" and activate["error"] is None


def test_history_of_one_master(day):
    assert shown(day.ok("es_history", "author_search"), "action") == [("create",)]
    assert len(day.ok("es_history", MASTER)) == 8
    result = day.fails(2, "es_history", "nothing_search")
    assert '"nothing_search"' in result.err and "esmigrate es_list" in result.err


def test_filters_narrow_the_history(day):
    everything = day.ok("es_history")
    assert shown(day.ok("es_history", "--action", "update"), "action") == [("update",)] * 4
    assert shown(day.ok("es_history", "--action", "es_update"), "action") == [("update",)] * 4
    assert shown(day.ok("es_history", "--status", "failed"), "action", "status") == [("create", "failed")]
    assert day.ok("es_history", "--limit", "3") == everything[:3]
    middle = everything[3]["started_at"]
    assert day.ok("es_history", "--since", middle) == everything[:4]
    assert day.ok("es_history", "--until", middle) == everything[4:]
    assert day.ok("es_history", MASTER, "--since", middle, "--action", "update", "--limit", "1") == [everything[3]]
    assert day.ok("es_history", "--status", "interrupted") == []


def test_an_action_that_no_command_does_is_wrong_use(day):
    result = day.fails(2, "es_history", "--action", "udpate")
    assert result.err == (
        'esmigrate: error: option --action takes a command, not "udpate"\nHINT: Did you mean update?\n'
    )


def test_an_instance_is_named_as_the_table_shows_it(day):
    everything = day.ok("es_history", MASTER)
    for number in (1, 2):
        wanted = [row for row in everything if row["instance"] == number]
        assert day.ok("es_history", f"{MASTER}-{number}") == wanted
    assert day.fails(2, "es_history", "nothing-1").code == 2


def test_wrong_filters_are_wrong_use(day):
    for words in (
        ("--since", "yesterday"),
        ("--until", "2024-01-01T00:00:00"),
        ("--limit", "many"),
        ("--limit", "-1"),
        ("--status", "finished"),
        ("--status", "nonsense"),
        (MASTER, "too many"),
    ):
        day.fails(2, "es_history", *words)


def test_an_id_or_its_beginning_shows_one_in_full(day):
    failed = day.ok("es_history", "--status", "failed")[0]
    assert day.ok("es_history", failed["id"]) == [failed]
    assert day.ok("es_history", failed["id"][:8]) == [failed]
    assert day.ok("es_history", failed["id"].upper()) == [failed]
    text = day.run("es_history", failed["id"][:8], check=0).out
    assert failed["id"] in text and "there is no live instance 7" in text and "argv" in text
    result = day.fails(1, "es_history", "00000000-0000-0000-0000-000000000000")
    assert "there is no action" in result.err and "es_history" in result.err


def test_a_master_whose_name_looks_like_an_id_is_found(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app, "deadbeef")
    app.ok("es_create", "deadbeef")
    assert shown(app.ok("es_history", "deadbeef"), "master", "action") == [("deadbeef", "create")]


def test_the_table_has_one_line_for_each_action(day):
    heading, *lines = day.run("es_history", check=0).out.splitlines()
    assert heading.split()[:4] == ["id", "index", "action", "status"]
    assert [line.split()[0] for line in lines] == [item["id"][:8] for item in day.ok("es_history")]


def test_history_needs_neither_engine_nor_files(day):
    nothing = ("--engine", "http://127.0.0.1:1", "--indexes", day.folder / "nothing")
    assert len(day.ok("es_history", *nothing)) == 10


def test_looking_writes_no_row(day):
    before = courses.everything(day)
    day.ok("es_history")
    day.ok("es_list")
    day.ok("es_init")
    assert courses.everything(day) == before


def test_a_switch_in_full_shows_its_standstill_and_its_verification(app):
    courses.filled(app)
    app.ok("es_activate", MASTER, "--stop-indexing", "true", "--resume-indexing", "true")
    [activate] = app.ok("es_history", MASTER, "--action", "activate")
    assert courses.moment(activate["stopped_at"]) <= courses.moment(activate["resumed_at"])
    kept = app.sql("SELECT check_name, verdict, numbers FROM esmigrate.verification ORDER BY check_name")
    assert kept
    found = sorted((check["check"], check["verdict"], check["numbers"]) for check in activate["checks"])
    assert found == [(row["check_name"], row["verdict"], row["numbers"]) for row in kept]
    out = app.run("es_history", activate["id"][:8], check=0).out
    record, checks = out.split("\n\n")
    names = [line.split()[0] for line in record.splitlines()]
    assert {"stopped_at", "resumed_at"} < set(names)
    # What does not apply is left out.
    assert not {"checks", "folded_runs", "phase"} & set(names) and "?" not in record
    heading, *lines = checks.splitlines()
    assert heading.split() == ["check", "attempt", "severity", "verdict", "numbers", "samples"]
    assert sorted(line.split()[0] for line in lines) == [name for name, _, _ in found]
    [update] = app.ok("es_history", MASTER, "--action", "update", "--limit", "1")
    assert (update["stopped_at"], update["resumed_at"], update["checks"], update["folded_runs"]) == (None,) * 4
