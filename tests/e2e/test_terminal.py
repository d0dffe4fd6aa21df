"""What is different on a terminal: tables fitted to its width, and questions."""

import re

import courses
import pytest

pytestmark = pytest.mark.either

MASTER = courses.MASTER
RECENT = re.compile(r"\b20\d\d")


@pytest.fixture(scope="module")
def shared_app(postgres_server, engine, tmp_path_factory):
    """course_search-1 active, course_search-2 empty, and a drop that failed."""
    app = courses.own_app(postgres_server, engine, tmp_path_factory.mktemp("terminal"))
    courses.activated(app)
    courses.second_instance(app)
    app.fails(1, "es_drop", MASTER, "1", "--yes")
    yield app
    app.clean_up()


def lines_on_terminal(app, *words, columns):
    code, shown = app.terminal(*words, columns=columns)
    assert code == 0
    return shown.splitlines()


@pytest.mark.parametrize("columns", [200, 140, 100, 90])
@pytest.mark.parametrize("words", [["es_list"], ["es_history", MASTER]], ids=["list", "history"])
def test_a_table_fits_the_terminal(shared_app, words, columns):
    lines = lines_on_terminal(shared_app, *words, columns=columns)
    table = [line for line in lines if not line.startswith("    ")]
    assert max(map(len, table)) <= columns
    heading = table[0].split()
    assert ("index" in heading) and all(RECENT.search(line) or "-2 " in line for line in table[1:])


def test_spare_columns_go_from_the_last_one_on(shared_app):
    def headings(columns):
        return lines_on_terminal(shared_app, "es_list", columns=columns)[0].split()

    everything = ["master", "instance", "index", "active", "state", "docs", "changed_through", "deletes", "created_at"]
    assert headings(200) == everything  # and no tag: nothing has one
    width = len(lines_on_terminal(shared_app, "es_list", columns=200)[1])
    assert headings(width) == everything
    assert headings(width - 1) == everything[:-1]
    assert headings(width - 21) == everything[:-1]
    assert headings(width - 22) == everything[:-2]


def test_rows_stand_upright_where_no_table_fits(shared_app):
    lines = lines_on_terminal(shared_app, "es_list", columns=50)
    assert lines[0] == "master           course_search"
    assert lines[1] == "instance         1"
    assert lines[2] == f"index            {shared_app.prefix}course_search-1"
    assert lines.count("") == 1


def test_an_error_stands_below_its_action(shared_app):
    lines = lines_on_terminal(shared_app, "es_history", "--status", "failed", columns=100)
    assert "error" not in lines[0]
    assert " drop " in lines[1]
    assert lines[2].startswith("    index \"") and "is active" in lines[2]
    piped = shared_app.run("es_history", "--status", "failed", check=0).out.splitlines()
    assert piped[0].endswith(" error") or " error" in piped[0]
    assert "is active" in piped[1] and len(piped) == 2


def test_a_pipe_gets_every_column(shared_app):
    out = shared_app.run("es_list", env={"COLUMNS": "40"}, check=0).out
    assert out.splitlines()[0].split()[-2:] == ["created_at", "tag"]
    assert "\x1b" not in out and "\r" not in out


# ---- questions


def test_a_drop_is_asked_about_and_done_after_yes(app):
    courses.activated(app)
    courses.second_instance(app)
    code, shown = app.terminal("es_drop", MASTER, "2", answers=[("Go on? [y/N] ", "y\n")])
    assert code == 0
    assert f"This would drop these indexes:\n  {app.prefix}course_search-2\n" in shown
    assert app.indices() == [app.full_name("course_search-1")]


@pytest.mark.parametrize("answer", ["\n", "n\n", "ye\n", "\x04"], ids=["enter", "no", "half", "end_of_input"])
@pytest.mark.parametrize("command", ["es_drop", "es_clear"])
def test_all_but_yes_changes_nothing(shared_app, command, answer):
    before = courses.everything(shared_app)
    code, shown = shared_app.terminal(command, MASTER, "2", answers=[("Go on? [y/N] ", answer)])
    assert code == 8
    assert "esmigrate: error: not confirmed; nothing was changed" in shown
    assert courses.everything(shared_app) == before


def test_yes_and_dry_run_ask_nothing_on_a_terminal_either(app):
    courses.activated(app)
    courses.second_instance(app)
    code, shown = app.terminal("es_drop", MASTER, "2", "--dry-run")
    assert code == 0 and "Go on?" not in shown and "dry run: nothing was changed" in shown
    code, shown = app.terminal("es_drop", MASTER, "2", "--yes")
    assert code == 0 and "Go on?" not in shown and "dropped" in shown


def test_the_active_instance_is_refused_before_anything_is_asked(shared_app):
    code, shown = shared_app.terminal("es_drop", MASTER, "1")
    assert code == 1
    assert "is active" in shown and "Go on?" not in shown


def test_the_table_of_a_command_that_fails_says_so(shared_app):
    table = shared_app.run("es_drop", MASTER, "1", "--yes", check=1).out.splitlines()
    assert table[1].split() == ["drop", MASTER, "1", shared_app.full_name("course_search-1"), "failed"]
    [item] = shared_app.run("es_drop", MASTER, "1", "--yes", "-o", "json", check=1).json
    assert item["result"] is None
