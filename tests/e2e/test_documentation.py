"""What is made of the tables of the command line: bash completion and installed files."""

import os
import subprocess

import harness
import pytest
from servers import ROOT

pytestmark = pytest.mark.either

COMPLETION = ROOT / "contrib" / "completion" / "esmigrate"
COMMANDS = ["es_init", "es_deploy", "es_check", "es_plan", "es_create", "es_update", "es_retry", "es_verify", "es_activate",
            "es_rollback", "es_list", "es_history", "es_clear", "es_drop", "es_prune", "es_track"]


def complete(folder, *words, **env):
    """What bash offers for the last word, as readline would have split the line."""
    script = f"""
        source {COMPLETION}
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _esmigrate 2>/dev/null
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, **env}
    done = subprocess.run(["bash", "-c", script, "bash", *words], cwd=folder, env=environment, capture_output=True,
                          text=True, check=True)
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path):
    for master in ("course_search", "course_list", "author_search"):
        (tmp_path / "indexes" / master).mkdir(parents=True)
    (tmp_path / "key.txt").touch()
    return tmp_path


def test_commands_are_completed(folder):
    assert complete(folder, "esmigrate", "") == COMMANDS + ["--help", "--version"]
    assert complete(folder, "/usr/bin/esmigrate", "es_cr") == ["es_create"]


def test_own_and_common_options_are_completed(folder):
    assert complete(folder, "esmigrate", "es_update", "--al") == ["--all-active", "--allow-rejected"]
    assert complete(folder, "es_drop", "course_search", "--o") == ["--older", "--output"]
    for command in COMMANDS:
        offered = complete(folder, command, "--")
        told = subprocess.run([harness.BINARY, command, "--help"], capture_output=True, text=True, check=True).stdout
        assert offered and all(f"{option}" in told for option in offered)
        assert told.count(" --") >= len(offered) == len(set(offered))


def test_masters_are_completed_from_the_declarations(folder):
    assert complete(folder, "esmigrate", "es_create", "course") == ["course_list", "course_search"]
    assert complete(folder, "es_list", "a") == ["author_search"]
    assert complete(folder, "es_list", "a", ESMIGRATE_INDEXES="elsewhere") == []
    assert complete(folder, "es_init", "") == []


def test_values_are_completed(folder):
    assert complete(folder, "es_list", "-o", "") == ["table", "json"]
    assert complete(folder, "es_list", "--output", "=", "j") == ["json"]
    assert complete(folder, "es_list", "--output", "=") == ["table", "json"]
    assert complete(folder, "es_history", "--status", "pa") == ["partial"]
    assert complete(folder, "es_list", "--api-key-file", "k") == ["key.txt"]
    assert complete(folder, "es_list", "--indexes", "in") == ["indexes"]
    assert complete(folder, "es_list", "--tag", "") == []


def test_make_install_puts_everything_in_its_place(tmp_path):
    """The build under test is not rebuilt: make would say so, and the binary would be another one."""
    build = os.path.relpath(harness.BINARY.parent, ROOT)
    subprocess.run(["make", "-o", f"{build}/esmigrate", f"BUILD={build}", "install", "PREFIX=/opt/x", f"DESTDIR={tmp_path}"],
                   cwd=ROOT, check=True, capture_output=True)
    bin_folder, share = tmp_path / "opt/x/bin", tmp_path / "opt/x/share"
    assert sorted(os.listdir(bin_folder)) == sorted(["esmigrate"] + COMMANDS)
    assert sorted(os.listdir(share / "bash-completion/completions")) == sorted(["esmigrate"] + COMMANDS)
    assert sorted(os.listdir(share / "man/man1")) == sorted(f"{name}.1" for name in ["esmigrate"] + COMMANDS)
    for command in COMMANDS:
        told = subprocess.run([bin_folder / command, "--help"], capture_output=True, text=True, check=True).stdout
        assert told.startswith(f"Usage: esmigrate {command}")
