"""Commands that stop and resume indexing around a switch: "stop_indexing" and "resume_indexing" of master.json."""

import pathlib
import signal
import sys
import textwrap

import courses
import pytest
from faults import wait_until
from test_switch import by_hand, put

pytestmark = pytest.mark.either

MASTER = courses.MASTER
LOG = "hooks.log"
RESUME = f"echo resume $ESMIGRATE_MASTER $ESMIGRATE_FROM_INDEX $ESMIGRATE_TO_INDEX >> {LOG}"
STOP = RESUME.replace("resume", "stop", 1)


def two(app, **master):
    """course_search-1 is active, course_search-2 filled and of these files."""
    courses.activated(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS, master=master)
    app.ok("es_create", MASTER)
    app.ok("es_update", MASTER, "2")


def called(app):
    """What the hooks have written down, a line for each."""
    path = app.folder / LOG
    return path.read_text().splitlines() if path.exists() else []


def names(app):
    return [line.split()[0] for line in called(app)]


def switch_row(app, action="activate"):
    return [row for row in app.history() if row["action"] == action][-1]


def python(app, name, text):
    """A hook that is a program: its command."""
    (app.folder / name).write_text(textwrap.dedent(text))
    return f"{sys.executable} {name}"


def expect_switched(app, number):
    assert app.alias(MASTER) == [app.full_name(f"course_search-{number}")]
    assert courses.active_index(app) == f"course_search-{number}"


def test_they_are_called_around_the_last_update_and_the_switch(app):
    write = python(
        app,
        "write.py",
        f"""
        import psycopg
        with psycopg.connect({app.conninfo!r}) as connection:
            connection.execute("UPDATE course SET title = 'The last', changed_at = now() WHERE id = 1")
        """,
    )
    two(app, stop_indexing=f"{STOP}; {write}", resume_indexing=RESUME)
    result = app.run("es_activate", MASTER, check=0)
    one, second = app.full_name("course_search-1"), app.full_name("course_search-2")
    assert called(app) == [f"stop {MASTER} {one} {second}", f"resume {MASTER} {one} {second}"]
    assert courses.titles(app, MASTER)["1"] == "THE LAST"
    assert "indexing stood still for" in result.err
    row = switch_row(app)
    assert row["started_at"] < row["stopped_at"] < row["resumed_at"] < row["finished_at"]
    updates = [other for other in app.history() if other["parent_id"] == row["id"]]
    assert [(other["action"], other["status"]) for other in updates] == [("update", "complete")] * 2
    assert updates[0]["finished_at"] < row["stopped_at"] < updates[1]["started_at"]
    assert updates[1]["finished_at"] < row["resumed_at"]
    # Nothing is read twice while indexing stands still.
    assert updates[1]["changed_from"] == updates[0]["changed_through"]


def test_those_of_the_command_line_beat_those_of_the_file(app):
    two(app, stop_indexing="exit 9", resume_indexing="exit 9")
    app.ok("es_activate", MASTER, "--stop-indexing", STOP, "--resume-indexing", RESUME)
    assert names(app) == ["stop", "resume"]
    expect_switched(app, 2)


def test_without_them_nothing_stands_still(app):
    two(app)
    app.ok("es_activate", MASTER)
    assert (switch_row(app)["stopped_at"], switch_row(app)["resumed_at"]) == (None, None)


def test_an_es_activate_with_nothing_to_switch_stops_nothing(app):
    two(app, stop_indexing=STOP, resume_indexing=RESUME)
    app.ok("es_activate", MASTER)
    app.ok("es_activate", MASTER)
    assert names(app) == ["stop", "resume"]


@pytest.mark.parametrize("command", [["es_activate", MASTER, "2", "--writes-only"], ["es_activate", MASTER],
                                     ["es_deploy", MASTER]])
def test_they_are_called_when_only_the_writes_of_the_application_are_switched(app, command):
    writes = {"write_alias": "courses_write"}
    two(app, **writes)
    app.ok("es_activate", MASTER, "2", "--reads-only")
    by_hand(app, put(app, "course_search-1", alias="courses_write", is_write_index=True))
    app.declare(MASTER, master={"stop_indexing": STOP, "resume_indexing": RESUME, **writes})
    courses.rename(app, 1, "New")
    assert app.ok(*command)[-1]["result"] == "writes_switched"
    assert names(app) == ["stop", "resume"]
    assert courses.titles(app, "course_search-2")["1"] == "NEW"
    assert app.alias("courses_write") == [app.full_name("course_search-2")]
    assert app.ok("es_activate", MASTER)[0]["result"] == "already_active"
    assert names(app) == ["stop", "resume"]


def test_the_dry_run_calls_none(app):
    two(app, stop_indexing=STOP, resume_indexing=RESUME)
    app.run("es_activate", MASTER, "--dry-run", check=0)
    assert called(app) == []


def test_a_required_one_is_given_or_given_as_none(app):
    two(app, require_stop_indexing=True)
    result = app.fails(2, "es_activate", MASTER)
    assert "requires a command that stops indexing" in result.err and "--stop-indexing none" in result.err
    expect_switched(app, 1)
    app.ok("es_activate", MASTER, "--stop-indexing", "none")
    expect_switched(app, 2)


def test_one_that_stops_needs_one_that_resumes(app):
    two(app, stop_indexing=STOP)
    result = app.fails(2, "es_activate", MASTER)
    assert "--resume-indexing none" in result.err
    assert called(app) == []
    app.ok("es_activate", MASTER, "--resume-indexing", "none")
    assert names(app) == ["stop"]
    assert switch_row(app)["resumed_at"] is not None


def test_one_that_fails_stops_the_switch_and_indexing_is_resumed(app):
    two(app, stop_indexing=f"{STOP}; exit 3", resume_indexing=RESUME)
    result = app.fails(1, "es_activate", MASTER)
    assert "stop_indexing failed: it ended with exit status 3" in result.err
    assert names(app) == ["stop", "resume"]
    expect_switched(app, 1)
    row = switch_row(app)
    assert row["status"] == "failed" and row["stopped_at"] < row["resumed_at"]


def test_one_that_takes_too_long_is_ended(app):
    two(app, stop_indexing=f"{STOP}; sleep 60", resume_indexing=RESUME, hook_timeout="4 seconds")
    result = app.fails(1, "es_activate", MASTER)
    assert "did not end within 4 seconds" in result.err
    assert result.seconds < 50
    assert names(app) == ["stop", "resume"]
    expect_switched(app, 1)
    app.declare(MASTER, master={"stop_indexing": "sleep 60", "resume_indexing": RESUME})
    result = app.fails(1, "es_activate", MASTER, "--hook-timeout", "1")
    assert "did not end within 1 seconds" in result.err


def test_indexing_is_resumed_after_a_last_update_that_fails(app):
    breaks = python(
        app,
        "break.py",
        f"""
        import psycopg
        with psycopg.connect({app.conninfo!r}) as connection:
            connection.execute("ALTER TABLE course RENAME COLUMN title TO name")
        """,
    )
    two(app, stop_indexing=f"{STOP}; {breaks}", resume_indexing=RESUME)
    result = app.run("es_activate", MASTER)
    assert result.code == 5, result
    assert "nothing was switched" in result.err
    assert names(app) == ["stop", "resume"]
    expect_switched(app, 1)
    assert switch_row(app)["resumed_at"] is not None


def test_indexing_is_resumed_after_a_switch_that_is_refused(app):
    alias = app.full_name(MASTER)
    actions = [
        {"remove": {"index": app.full_name("course_search-1"), "alias": alias}},
        {"add": {"index": app.full_name("course_search-3"), "alias": alias}},
    ]
    moves = python(
        app,
        "move.py",
        f"""
        import json, urllib.request
        body = json.dumps({{"actions": {actions!r}}}).encode()
        urllib.request.urlopen(urllib.request.Request(
            "{app.engine_server.url}/_aliases", body, {{"Content-Type": "application/json"}}))
        """,
    )
    two(app, stop_indexing=f"{STOP}; {moves}", resume_indexing=RESUME)
    app.ok("es_create", MASTER, "--force")
    result = app.fails(1, "es_activate", MASTER, "2")
    assert "someone else moved it" in result.err
    assert names(app) == ["stop", "resume"]
    expect_switched(app, 3)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_indexing_is_resumed_after_a_signal(app, number, code):
    two(app, stop_indexing=f"{STOP}; sleep 60", resume_indexing=f"sleep 0.5; {RESUME}")
    process = app.start("es_activate", MASTER)
    wait_until(lambda: called(app))
    process.signal(number)
    process.wait(check=code)
    assert names(app) == ["stop", "resume"]
    expect_switched(app, 1)
    row = switch_row(app)
    assert row["status"] == "interrupted" and row["resumed_at"] is not None


def test_one_that_cannot_resume_is_said_and_the_switch_stands(app):
    two(app, stop_indexing=STOP, resume_indexing="exit 4")
    result = app.fails(1, "es_activate", MASTER)
    assert "resume_indexing failed: it ended with exit status 4" in result.err
    assert "The alias was switched all the same." in result.err
    assert "Run the command of resume_indexing by hand" in result.err
    expect_switched(app, 2)
    row = switch_row(app)
    assert (row["status"], row["result"]) == ("failed", "activated")
    assert row["stopped_at"] is not None and row["resumed_at"] is None


# ---- es_deploy


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_a_deploy_is_refused_for_what_its_switch_would_miss_before_it_creates(app, dry_run):
    courses.activated(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS, master={"require_stop_indexing": True})
    result = app.fails(2, "es_deploy", MASTER, *dry_run)
    assert "requires a command that stops indexing" in result.err
    assert sorted(courses.instances(app)) == ["course_search-1"]
    app.ok("es_deploy", MASTER, "--warm")
    app.ok("es_deploy", MASTER, "--stop-indexing", "none")
    expect_switched(app, 2)


def test_of_several_masters_none_is_created_when_one_misses_a_hook(app):
    courses.activated(app)
    courses.declare(app, documents=courses.OTHER_DOCUMENTS)
    app.declare("second", index={}, documents=courses.DOCUMENTS, master={"require_stop_indexing": True})
    app.fails(2, "es_deploy", MASTER, "second")
    assert sorted(courses.instances(app)) == ["course_search-1"]


# ---- indexing that an earlier run has left stopped


def killed_between(app, *command, **master):
    """An es_activate of course_search-2 that was killed in its stop_indexing hook."""
    two(app, **{"stop_indexing": f"{STOP}; sleep 60", "resume_indexing": RESUME, **master})
    process = app.start("es_activate", MASTER, *command)
    wait_until(lambda: called(app))
    process.kill()


def test_what_is_to_stop_indexing_does_not_outlive_a_kill(app):
    # Or it could stop it for good, after the next command has resumed it.
    killed_between(app, "--stop-indexing", f"echo $$ > pid; {STOP}; sleep 60; true")
    shell = pathlib.Path("/proc", (app.folder / "pid").read_text().strip())
    wait_until(lambda: not shell.exists())


def test_after_a_kill_between_them_the_same_command_resumes_before_all_else(app):
    killed_between(app)
    crashed = switch_row(app)
    result = app.run("es_activate", MASTER, "--stop-indexing", STOP, check=0)
    assert "is indexing still stopped? The next es_activate calls it" in result.err
    assert names(app) == ["stop", "resume", "stop", "resume"]
    expect_switched(app, 2)
    assert switch_row(app)["resumed_at"] > switch_row(app)["stopped_at"] > crashed["stopped_at"]
    # Nothing is left of it.
    app.ok("es_activate", MASTER)
    assert names(app) == ["stop", "resume", "stop", "resume"]


@pytest.mark.parametrize("command", ["es_activate", "es_rollback", "es_deploy"])
def test_after_a_kill_behind_the_switch_there_is_nothing_to_do_but_to_resume(app, command):
    slow = f"{RESUME}; sleep 60"
    two(app, stop_indexing=STOP, resume_indexing=slow)
    if command == "es_rollback":
        app.ok("es_activate", MASTER, "--stop-indexing", "none")
    process = app.start(command, MASTER)
    wait_until(lambda: names(app) == ["stop", "resume"])
    process.kill()
    crashed = switch_row(app, command.removeprefix("es_").replace("deploy", "activate"))
    result = app.run(command, MASTER, "--resume-indexing", RESUME, "-o", "json", check=0)
    assert result.json[-1]["result"] == "already_active"
    assert names(app) == ["stop", "resume", "resume"]
    expect_switched(app, 1 if command == "es_rollback" else 2)
    row = switch_row(app, command.removeprefix("es_"))
    assert row["stopped_at"] == crashed["stopped_at"] < row["resumed_at"]
    assert "indexing stood still for" in result.err


@pytest.mark.parametrize("warm", [[], ["--warm"]])
def test_a_deploy_resumes_before_it_builds(app, warm):
    killed_between(app)
    crashed = switch_row(app)
    app.declare(MASTER, index={"mappings": {"properties": {"title": {"type": "no such type"}}}})
    app.fails(2, "es_deploy", MASTER, *warm)
    assert called(app)[1] == called(app)[0].replace("stop", "resume", 1)
    row = switch_row(app, "deploy")
    assert (row["status"], row["result"], row["stopped_at"]) == ("complete", "indexing_resumed", crashed["stopped_at"])
    # Nothing is left of it.
    app.fails(2, "es_deploy", MASTER, *warm)
    assert names(app) == ["stop", "resume"]


@pytest.mark.parametrize("master", [{}, {"require_stop_indexing": True}])
def test_a_deploy_says_at_once_that_there_is_nothing_to_resume_with(app, master):
    two(app, **master)
    app.fails(1, "es_activate", MASTER, "--stop-indexing", STOP, "--resume-indexing", "exit 4")
    result = app.run("es_deploy", MASTER, "--warm", check=0)
    assert "give the command with --resume-indexing, or none if it was run by hand" in result.err
    app.ok("es_deploy", MASTER, "--warm", "--stop-indexing", "none", "--resume-indexing", RESUME)
    assert names(app) == ["stop", "resume"]


def test_a_deploy_that_is_killed_while_it_resumes_is_settled(app):
    killed_between(app)
    process = app.start("es_deploy", MASTER, "--resume-indexing", f"{RESUME}; sleep 60")
    wait_until(lambda: names(app) == ["stop", "resume"])
    process.kill()
    app.ok("es_deploy", MASTER, "--stop-indexing", "none")
    assert names(app) == ["stop", "resume", "resume"]
    assert [row["status"] for row in app.history() if row["action"] == "deploy" and row["instance"]] == [
        "interrupted", "complete"]
    expect_switched(app, 2)


def test_a_deploy_that_waits_for_a_switch_leaves_the_resuming_to_it(app):
    two(app, stop_indexing=f"{STOP}; sleep 3", resume_indexing=RESUME)
    process = app.start("es_activate", MASTER)
    wait_until(lambda: called(app))
    app.ok("es_deploy", MASTER, "--wait-lock=60")
    process.wait(check=0)
    assert names(app) == ["stop", "resume"]
    assert [row["result"] for row in app.history() if row["action"] == "deploy" and row["instance"]] == [None]


def test_another_command_says_it_and_leaves_it_to_the_next_switch(app):
    killed_between(app)
    result = app.run("es_update", MASTER, check=0)
    assert "is indexing still stopped? The next es_activate calls it" in result.err
    assert names(app) == ["stop"]
    app.ok("es_activate", MASTER, "1")
    assert names(app) == ["stop", "resume"]


def test_indexing_is_resumed_even_if_the_next_switch_is_refused(app):
    killed_between(app)
    app.engine_server.must("DELETE", app.full_name("course_search-2"))
    app.fails(1, "es_activate", MASTER, "2")
    assert names(app) == ["stop", "resume"]
    expect_switched(app, 1)


@pytest.mark.parametrize("words", [["es_activate", MASTER, "--dry-run"], ["es_rollback", MASTER, "--rehearse"]])
def test_what_switches_nothing_resumes_nothing(app, words):
    two(app, stop_indexing=STOP, resume_indexing="exit 4")
    app.fails(1, "es_activate", MASTER)
    app.run(*words, "--resume-indexing", RESUME, check=0)
    assert names(app) == ["stop"]
    app.ok("es_activate", MASTER, "--resume-indexing", RESUME)
    assert names(app) == ["stop", "resume"]


def test_a_resume_that_failed_is_tried_again_and_refuses_the_switch_until_it_succeeds(app):
    two(app, stop_indexing=STOP, resume_indexing="exit 4")
    app.fails(1, "es_activate", MASTER)
    result = app.fails(1, "es_activate", MASTER, "1")
    assert "resume_indexing failed: it ended with exit status 4" in result.err
    assert "had stopped it. Nothing was switched." in result.err
    expect_switched(app, 2)
    app.ok("es_activate", MASTER, "1", "--resume-indexing", RESUME)
    assert names(app) == ["stop", "resume", "stop", "resume"]
    expect_switched(app, 1)


def test_with_no_command_that_is_known_it_is_said_until_none_is_given(app):
    two(app)
    app.fails(1, "es_activate", MASTER, "--stop-indexing", STOP, "--resume-indexing", "exit 4")
    for _ in range(2):
        result = app.run("es_activate", MASTER, check=0)
        assert "give the command with --resume-indexing, or none if it was run by hand" in result.err
    app.ok("es_activate", MASTER, "--resume-indexing", "none")
    assert "--resume-indexing" not in app.run("es_activate", MASTER, check=0).err
    assert names(app) == ["stop"]
