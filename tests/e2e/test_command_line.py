"""What holds for all commands: options, help, stdout and stderr, --dry-run, links, work without declarations."""

import json
import shutil
import subprocess

import courses
import harness
import pytest

pytestmark = pytest.mark.either

MASTER = courses.MASTER
COMMANDS = ["es_init", "es_list", "es_create", "es_update", "es_retry", "es_verify", "es_activate", "es_clear", "es_drop",
            "es_history"]


@pytest.fixture(scope="module")
def shared_app(postgres_server, engine, tmp_path_factory):
    """One application for commands that get no further than their options."""
    app = courses.own_app(postgres_server, engine, tmp_path_factory.mktemp("command_line"))
    yield app
    app.clean_up()


# ---- help, version, wrong options


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_goes_to_stdout(shared_app, command):
    result = shared_app.run(command, "--help", check=0)
    assert result.err == ""
    assert result.out.startswith(f"Usage: esmigrate {command}")
    for option in ("--history", "--engine", "--indexes", "--prefix", "--dry-run", "--if-busy", "--wait-servers"):
        assert option in result.out
    assert "Exit codes" in result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_use_is_2_with_a_hint_at_help(shared_app, command):
    for words in ([command, "--nonsense"], [command, "-Z"], [command, "--output"], [command, "--quiet=yes"]):
        result = shared_app.fails(2, *words)
        assert result.out == ""
        assert result.err.startswith("esmigrate: error: ")
        assert f"HINT: See esmigrate {command} --help" in result.err
    shared_app.fails(2, command, MASTER, "--output", "xml")
    shared_app.fails(2, command, MASTER, "--if-busy", "wait")
    shared_app.fails(2, command, MASTER, "--lock-timeout", "soon")


def test_help_and_version_of_the_whole(shared_app):
    result = shared_app.run("--help", check=0)
    assert result.err == "" and all(command in result.out for command in COMMANDS)
    version = shared_app.run("--version", check=0).out
    assert version.startswith("esmigrate ")
    assert shared_app.run("es_list", "--version", check=0).out == version
    for words in ([], ["es_nothing"], ["--nonsense"]):
        assert "HINT: See esmigrate --help" in shared_app.fails(2, *words).err


def test_help_can_be_asked_for_in_every_usual_way(shared_app):
    expected = shared_app.run("es_drop", "--help", check=0).out
    for words in (["es_drop", "-h"], ["help", "es_drop"], ["--help", "es_drop"], ["es_drop", "course_search", "--help"]):
        assert shared_app.run(*words, check=0).out == expected
    assert shared_app.run("help", check=0).out == shared_app.run("-h", check=0).out


def test_an_option_before_the_command_is_wrong_use_and_its_value_is_not_told(shared_app):
    result = shared_app.fails(2, "--engine=http://user:LEAK@localhost", "es_list")
    assert result.err == (
        "esmigrate: error: the command comes first, before --engine\n"
        "HINT: See esmigrate --help\n"
    )


def test_too_few_and_too_many_words_are_wrong_use(shared_app):
    for words in (["es_activate"], ["es_clear"], ["es_drop"], ["es_init", "too", "many"], ["es_activate", "1"]):
        shared_app.fails(2, *words)


def test_a_value_apart_from_an_option_that_takes_it_attached_is_wrong_use(shared_app):
    """The 2 would be taken for the number of an instance."""
    for option in ("--wait-lock", "--wait-servers"):
        for command in ("es_update", "es_activate"):
            shared_app.fails(2, command, MASTER, option, "2")


# ---- where options come from


def test_flag_beats_environment_beats_default(app):
    courses.created(app)
    nowhere = "host=127.0.0.1 port=1 user=nobody dbname=nothing"
    app.fails(5, "es_list", env={"ESMIGRATE_HISTORY": nowhere})
    app.run("es_list", "--history", app.conninfo, env={"ESMIGRATE_HISTORY": nowhere}, check=0)
    app.fails(5, "es_update", MASTER, "1", env={"ESMIGRATE_SOURCE": nowhere})
    app.run("es_update", MASTER, "1", "--source", app.conninfo, env={"ESMIGRATE_SOURCE": nowhere}, check=0)
    app.fails(1, "es_activate", MASTER, "--prefix", "else_", env={"ESMIGRATE_PREFIX": app.prefix})
    app.ok("es_activate", MASTER, "--prefix", app.prefix, env={"ESMIGRATE_PREFIX": "else_"})
    app.ok("es_update", MASTER, env={"ESMIGRATE_TAG": "from the environment"})
    assert courses.last_action(app)["tag"] == "from the environment"
    app.ok("es_update", MASTER, "--tag", "from the flag", env={"ESMIGRATE_TAG": "from the environment"})
    assert courses.last_action(app)["tag"] == "from the flag"


def test_the_source_of_master_json_is_used_and_beaten_by_flag_and_environment(make_app):
    app, other = make_app(), make_app()
    courses.make_courses(other, 7)
    courses.make_courses(app, 2)
    app.ok("es_init")
    courses.declare(app, master={"source": other.conninfo})
    app.ok("es_create", MASTER)
    assert app.ok("es_update", MASTER, "1")[0]["indexed"] == 7
    # Another database: what changed since cannot be asked of it.
    result = app.fails(1, "es_update", MASTER, "1", "--source", app.conninfo)
    assert "another source database" in result.err and "--full" in result.err
    [item] = app.ok("es_update", MASTER, "1", "--full", env={"ESMIGRATE_SOURCE": app.conninfo})
    assert (item["indexed"], item["deleted"]) == (2, 5)
    # Without the file the history's copy is used.
    shutil.rmtree(app.indexes)
    assert app.ok("es_update", MASTER, "1", "--full")[0]["indexed"] == 7


def test_two_engines_in_the_environment_are_wrong_use_but_for_a_flag(app):
    courses.created(app)
    both = {"ELASTICSEARCH_URL": app.engine_server.url, "OPENSEARCH_URL": app.engine_server.url}
    result = app.fails(2, "es_list", env=both)
    assert "ELASTICSEARCH_URL" in result.err and "OPENSEARCH_URL" in result.err and "HINT: " in result.err
    app.run("es_list", "--engine", app.engine_server.url, env=both, check=0)


def test_wait_servers_waits_for_no_longer_than_told(app):
    app.ok("es_init")
    app.run("es_list", "--wait-servers=5", check=0)
    result = app.fails(6, "es_list", "--wait-servers=1", "--engine", "http://127.0.0.1:1")
    assert 1 <= result.seconds < 20


# ---- stdout and stderr


def test_stdout_is_the_result_and_stderr_the_talk(app):
    courses.created(app)
    result = app.run("es_update", MASTER, "1", "-v", "-o", "json", check=0)
    assert [item["mode"] for item in json.loads(result.out)] == ["full"]
    assert result.err and all(line.startswith("esmigrate: ") for line in result.err.splitlines())
    failed = app.run("es_update", MASTER, "-o", "json", check=1)
    first, *rest = failed.err.splitlines()
    assert first.startswith("esmigrate: error: ")
    assert rest and all(line.startswith(("DETAIL: ", "HINT: ")) for line in rest)
    assert "error" not in failed.out


def test_quiet_leaves_warnings_and_errors_and_verbose_says_more(app):
    courses.created(app)
    assert "instance 1 has this declaration" in app.run("es_create", MASTER, check=0).err
    assert app.run("es_create", MASTER, "-q", check=0).err == ""
    plain = app.run("es_update", MASTER, "1", check=0).err
    assert "horizon" not in plain
    assert "horizon" in app.run("es_update", MASTER, "1", "-v", check=0).err
    assert "warning: " in app.run("es_list", "-q", "--engine", "http://127.0.0.1:1", check=0).err
    assert "esmigrate: error: " in app.run("es_update", MASTER, "-q", check=1).err


# ---- links


def test_a_link_named_as_a_command_is_the_command(app):
    courses.created(app)
    for command in ("es_list", "es_update"):
        (app.folder / command).symlink_to(harness.BINARY)
    listed = subprocess.run(
        [app.folder / "es_list", MASTER, "-o", "json"], env=app.env, capture_output=True, text=True, check=True
    )
    assert json.loads(listed.stdout) == app.ok("es_list", MASTER)
    subprocess.run([app.folder / "es_update", MASTER, "1"], env=app.env, capture_output=True, check=True)
    assert len(app.docs("course_search-1")) == 3
    assert courses.last_action(app)["argv"][-2:] == [MASTER, "1"]
    wrong = subprocess.run([app.folder / "es_list", "--nonsense"], env=app.env, capture_output=True, check=False)
    assert wrong.returncode == 2


# ---- --dry-run


def unchanged_by(app, *words, code=0):
    """The plan of a dry run, after which everything is as before."""
    before = courses.everything(app)
    result = app.run(*words, "--dry-run", "-o", "json", check=code)
    assert courses.everything(app) == before, result
    return [(item["instance"], item["result"]) for item in result.json if "result" in item]


def test_a_dry_run_of_init_makes_no_schema(app):
    assert app.run("es_init", "-n", "-o", "json", check=0).json[0]["result"] == "created"
    assert app.sql("SELECT * FROM pg_namespace WHERE nspname = 'esmigrate'") == []


def test_a_dry_run_of_create_writes_nothing(app):
    courses.make_courses(app)
    app.ok("es_init")
    courses.declare(app)
    courses.declare(app, "author_search")
    assert unchanged_by(app, "es_create", MASTER) == [(1, "created")]
    assert unchanged_by(app, "es_create", "--all") == [(1, "created"), (1, "created")]
    courses.declare(app, "author_search", documents="SELECT 1")
    app.fails(2, "es_create", "author_search", "--dry-run")
    app.ok("es_create", MASTER)
    assert unchanged_by(app, "es_create", MASTER) == [(1, "unchanged")]
    assert unchanged_by(app, "es_create", MASTER, "--force") == [(2, "created")]
    app.engine_server.must("DELETE", app.full_name("course_search-1"))
    assert (1, "recreated") in unchanged_by(app, "es_create", MASTER, "--engine-only")


def test_a_dry_run_of_update_writes_nothing(app):
    courses.activated(app)
    courses.second_instance(app)
    courses.rename(app, 1, "One")
    app.sql("DELETE FROM course WHERE id = 2")
    for words in ((), ("--full",), ("--last",), ("--newer",), ("1",), ("--since", "2024-01-01T00:00:00Z")):
        unchanged_by(app, "es_update", MASTER, *words)
    unchanged_by(app, "es_update", "--all-active")
    [item] = app.ok("es_update", MASTER, "--dry-run")
    assert (item["id"], item["instance"], item["mode"]) == (None, 1, "changed")


def test_a_dry_run_of_activate_clear_and_drop_writes_nothing(app):
    courses.activated(app)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    assert unchanged_by(app, "es_activate", MASTER) == [(2, "activated")]
    # Nothing is to be confirmed: --yes is not asked for.
    assert unchanged_by(app, "es_clear", MASTER, "2") == [(2, "cleared")]
    assert unchanged_by(app, "es_drop", MASTER, "2") == [(2, "dropped")]
    assert unchanged_by(app, "es_drop", MASTER, "--all", "--force") == [(1, "dropped"), (2, "dropped")]
    app.fails(1, "es_drop", MASTER, "1", "--dry-run")
    app.fails(1, "es_activate", MASTER, "7", "--dry-run")


# ---- without declarations


def test_a_folder_that_is_named_has_to_be_there_where_it_is_compared_with(app):
    courses.activated(app)
    courses.second_instance(app)
    app.ok("es_update", MASTER, "2")
    for words in (["es_activate", MASTER], ["es_update", MASTER, "--last"]):
        result = app.fails(2, *words, "--indexes", "indxes")
        assert 'there is no folder of declarations "indxes"' in result.err
    app.ok("es_activate", MASTER, "2", "--indexes", "indxes")


def test_all_but_create_works_without_the_folder_of_declarations(app):
    courses.activated(app, changed=courses.CHANGED)
    courses.second_instance(app)
    shutil.rmtree(app.indexes)
    del app.env["ESMIGRATE_INDEXES"]
    courses.rename(app, 1, "One")
    assert app.ok("es_update", MASTER)[0]["indexed"] == 1
    assert app.ok("es_update", MASTER, "--last")[0]["indexed"] == 3
    assert app.ok("es_activate", MASTER)[0]["result"] == "activated"
    assert courses.titles(app, MASTER) == {"1": "ONE", "2": "COURSE 2", "3": "COURSE 3"}
    assert [item["instance"] for item in app.ok("es_list")] == [1, 2]
    assert len(app.ok("es_history", MASTER)) == 11
    assert app.ok("es_clear", MASTER, "1", "--yes")[0]["result"] == "cleared"
    assert app.ok("es_drop", MASTER, "--older", "--yes")[0]["result"] == "dropped"
    assert "indexes" in app.fails(2, "es_create", MASTER).err
    app.fails(2, "es_create", "--all")
