"""The scripts that newcomers meet first: what they print where, and what they say when something is missing. No servers."""

import fcntl
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

import pytest

from servers import ROOT

pytestmark = pytest.mark.either

ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
CLEAN = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "TERM": "xterm"}


def run(*argv, env=None, cwd=ROOT):
    """In pipes: (exit code, stdout, stderr)."""
    done = subprocess.run(argv, env={**CLEAN, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def helpers(script):
    """A bash command line with the helpers of the quickstart at hand."""
    return "bash", "-euc", f"source {ROOT}/contrib/terminal.sh; terminal_open; {script}"


class Terminal:
    """A command on a terminal of its own: .output so far."""

    def __init__(self, *argv, columns=80, env=None):
        self.output = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            # Ignored in what a script runs in the background; then Ctrl-C would do nothing here either.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvpe(argv[0], argv, {**CLEAN, **(env or {})})

    def read(self):
        """More output; False at the end."""
        try:
            more = os.read(self._fd, 4096)
        except OSError:
            more = b""
        self.output += more
        return bool(more)

    def read_until(self, text):
        while text not in self.output:
            assert self.read(), self.output

    def type(self, keys):
        os.write(self._fd, keys)

    def end(self):
        """Its exit code, after all its output."""
        while self.read():
            pass
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def lines(self):
        return ESCAPE.sub(b"", self.output).decode().replace("\r\n", "\n").splitlines()


def on_terminal(script, **options):
    terminal = Terminal(*helpers(script), **options)
    assert terminal.end() == 0, terminal.output
    return terminal


TALK = """
    heading '[1/2] A chapter'
    say 'Words in a sentence that is longer than sixty columns are wrapped between two of them, never inside' 'one.'
    print_command "psql -v data=build/quickstart/catalogue -f contrib/examples/packages/schema.sql -c 'SELECT 1, 2' -o result"
    task 'Count' {log} seq 3
    suggest 'what for' 'es_list'
    pause
"""


@pytest.fixture
def talk(tmp_path):
    return TALK.format(log=tmp_path / "log")


# ---- options


@pytest.mark.parametrize("script", ["quickstart", "dependencies", "test"])
def test_help_is_printed_and_a_wrong_option_refused(script):
    code, out, err = run(f"contrib/{script}", "--help")
    assert (code, err) == (0, "") and out.startswith(f"Usage: contrib/{script}")
    code, out, err = run(f"contrib/{script}", "--wrong")
    assert (code, out) == (2, "") and err.startswith(f"Usage: contrib/{script}")


def test_scripts_run_from_any_folder(tmp_path):
    assert run(ROOT / "contrib/quickstart", "--help", cwd=tmp_path)[0] == 0
    code, _, err = run(ROOT / "contrib/dependencies", "--check", "--no-tests", cwd=tmp_path)
    assert code in (0, 1) and "No such file" not in err


# ---- what is missing


@pytest.fixture
def open_folder():
    """One that every user can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="esmigrate-test.", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


@pytest.fixture
def bare(open_folder):
    """An environment in which only gcc and curl seem to be installed, and nobody becomes root."""
    fake = open_folder / "bin"
    fake.mkdir()
    for name, body in {
        "dpkg-query": "echo ' installed:gcc installed:curl not-installed:maven '; exit 1",
        "sudo": "exit 1",
        "apt-get": f"touch {open_folder}/touched",
    }.items():
        (fake / name).write_text(f"#!/bin/sh\n{body}\n")
        (fake / name).chmod(0o755)
    return {"PATH": f"{fake}:{CLEAN['PATH']}", "ESMIGRATE_BUILD": str(open_folder / "build")}


def test_check_names_what_is_missing_and_one_command(bare, open_folder):
    code, out, err = run("contrib/dependencies", "--check", env=bare)
    assert (code, out) == (1, "")
    missing = re.search("^Missing packages: (.*)$", err, re.M)[1].split()
    assert {"maven", "postgresql", "gcovr"} <= set(missing) and not {"gcc", "curl"} & set(missing)
    assert f"\napt-get update && apt-get install --no-install-recommends {' '.join(missing)}\n" in err
    assert "venv" in err
    assert not (open_folder / "touched").exists()


def test_a_tour_needs_no_tests(bare):
    code, _, err = run("contrib/dependencies", "--check", "--no-tests", env=bare)
    assert code == 1 and "maven" in err
    assert not re.search("clang|cmocka|shellcheck|gcovr|venv", err)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without rights")
def test_without_rights_nothing_is_installed(bare, open_folder):
    # A copy, because the work tree may be closed to others.
    copy = open_folder / "copy"
    shutil.copytree(ROOT / "contrib", copy / "contrib")
    shutil.copytree(ROOT / "tests/engine", copy / "tests/engine")
    subprocess.run(["chown", "-R", "nobody", copy], check=True)
    nobody = "setpriv", "--reuid=nobody", "--clear-groups"
    code, out, err = run(*nobody, "contrib/quickstart", env=bare, cwd=copy)
    assert code == 1
    assert "Missing packages: libc6-dev make " in out and "\napt-get update && apt-get install " in out
    assert "[1/8] Build" in err and "No server is running." in err
    assert not (open_folder / "touched").exists()


# ---- in a pipe


@pytest.mark.parametrize("env", [{}, {"TERM": "xterm-256color", "LANG": "C"}])
def test_a_pipe_gets_plain_lines(talk, env):
    code, out, err = run(*helpers(talk), env=env)
    assert (code, err) == (0, "")
    assert "\x1b" not in out and "\r" not in out and out.isascii()
    assert re.search(r"^ok Count \(\d+\.\d s\)$", out, re.M)
    # A command is found whole, with the tools that search lines.
    assert "\n$ psql -v data=build/quickstart/catalogue -f contrib/examples/packages/schema.sql -c 'SELECT 1, 2' -o result\n" in out


def test_a_failed_task_shows_its_end(tmp_path):
    log = tmp_path / "log"
    code, out, _ = run(*helpers(f"task 'Count' {log} sh -c 'seq 100; exit 3' || exit $?"))
    assert code == 3
    assert out.startswith("failed Count (") and "\n81\n" in out and "\n80\n" not in out and str(log) in out


# ---- on a terminal


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_text_is_wrapped_to_the_terminal(talk, columns):
    lines = on_terminal(talk.replace("pause", ""), columns=columns).lines()
    assert max(map(len, lines)) <= columns
    assert "Words in a sentence that is longer than sixty columns are wrapped between two of them, never inside one." in (
        " ".join(lines)
    )
    assert any(line.endswith(" \\") for line in lines)


def test_a_wrapped_command_is_the_same_command(talk):
    lines = on_terminal("print_command \"printf '%s|' -c 'two words' a/very/long/word/of/a/path another\"", columns=40).lines()
    assert len(lines) > 2
    command = "\n".join(lines).strip().removeprefix("$ ")
    assert run("bash", "-c", command)[1] == "-c|two words|a/very/long/word/of/a/path|another|"


def test_a_terminal_gets_colours_and_a_line_that_moves(tmp_path):
    output = on_terminal(f"task 'Sleep' {tmp_path}/log sleep 0.3").output.decode()
    assert "\x1b[36m" in output and "\r" in output
    assert re.search(r"✓.*Sleep \(\d+\.\d s\)\r\n$", output)
    assert output.index("\x1b[?25l") < output.rindex("\x1b[?25h")


def test_a_terminal_without_utf8_gets_ascii(tmp_path):
    output = on_terminal(f"task 'Sleep' {tmp_path}/log sleep 0.3", env={"LANG": "C"}).output
    assert output.isascii() and b"ok" in output


def test_no_color_takes_only_the_colours_away(tmp_path):
    output = on_terminal(f"heading Title; task 'Sleep' {tmp_path}/log sleep 0.3", env={"NO_COLOR": "1"}).output
    assert not re.search(rb"\x1b\[[0-9;]*m", output) and b"\x1b[K" in output


def test_a_dumb_terminal_gets_plain_lines(talk):
    assert b"\x1b" not in on_terminal(talk, env={"TERM": "dumb"}).output


def test_a_pause_waits_for_enter():
    terminal = Terminal(*helpers("pause; echo further"))
    terminal.read_until(b"Enter goes on")
    time.sleep(0.1)
    assert b"further" not in terminal.output
    terminal.type(b"\n")
    assert terminal.end() == 0 and b"further" in terminal.output


def test_ctrl_c_leaves_a_clean_terminal(tmp_path):
    script = f"trap terminal_close EXIT; trap 'exit 130' INT; task 'Sleep' {tmp_path}/log sleep 60"
    terminal = Terminal(*helpers(script))
    terminal.read_until(b"Sleep")
    begun = time.monotonic()
    terminal.type(b"\x03")
    assert terminal.end() == 130 and time.monotonic() - begun < 50
    assert terminal.output.rindex(b"\x1b[?25h") > terminal.output.rindex(b"\x1b[?25l")
