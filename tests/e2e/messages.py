"""Transcripts: what a user types, all that esmigrate says to it on stderr, and the exit code."""

import getpass
import re
import shlex
import shutil
import socket
import textwrap

import courses
import pytest


def at_home(app):
    """The app as a user has it: in the project folder, where indexes/ is found without an option."""
    app.env.pop("ESMIGRATE_INDEXES", None)
    return app


# What the tests of wrong declarations share: an application for a whole file, and a declaration to make wrong.

GOOD = {"index": "{}", "documents": courses.DOCUMENTS, "changed": courses.CHANGED}


def school_without_declarations(postgres_server, engine, folder):
    """For a fixture: an application with the table course and a history."""
    app = courses.own_app(postgres_server, engine, folder)
    courses.make_courses(app)
    app.ok("es_init")
    yield at_home(app)
    app.clean_up()


def remove_declarations(app):
    """What a refused declaration has to leave: nothing but its files, which go now."""
    shutil.rmtree(app.indexes, ignore_errors=True)
    app.indexes.mkdir()
    assert app.indices() == [] and courses.instances(app) == {}


def table(*cases):
    """Parametrizes a test by cases (what is wrong, the files that say so, what is said)."""
    return pytest.mark.parametrize(
        "files, text", [case[1:] for case in cases], ids=[case[0].replace(" ", "_") for case in cases]
    )


# The transcripts.


def transcript(app, text):
    """Types the lines of the text that begin with `$ esmigrate`; the text has to be what the terminal shows then.

    stdout does not show. What varies from run to run is replaced by a word: see plain().
    """
    __tracebackhide__ = True
    expected = textwrap.dedent(text).strip()
    shown = []
    for line in expected.splitlines():
        if line.startswith("$ esmigrate "):
            shown += [line, *_ended(app, app.run(*shlex.split(line)[2:]))]
    assert "\n".join(shown) == expected, "this is what it said:\n" + "\n".join(shown)


def said(app, result, text):
    """As transcript(), of a run that has ended: the text is stderr and the exit code."""
    __tracebackhide__ = True
    shown = "\n".join(_ended(app, result))
    assert shown == textwrap.dedent(text).strip(), "this is what it said:\n" + shown


def _ended(app, result):
    return [*plain(app, result.err).splitlines(), f"exit code {result.code}"]


def plain(app, text):
    """The text with the app's prefix as qa_, its database as school, and words for ports, pids, times, uuids, counts
    of tries and of seconds that are left, and for who runs the test where. Port 1 and the time of an example stay.
    Without the progress of what takes ten seconds, since the machine may stand still."""
    text = re.sub(r"(?m)^esmigrate: \S+  .*\n", "", text)
    text = text.replace(app.prefix, "qa_").replace(app.database, "school")
    text = re.sub(r'\b(127\.0\.0\.1(?::|", port ))\d{2,}\b', r"\1PORT", text)
    text = re.sub(r"\b(?!2026-01-31T08:00:00Z)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)
    text = re.sub(r"(?<=still for )\d+\.\d(?= seconds)", "S", text)
    text = re.sub(r"\b(pid|after|at most) \d+\b", lambda m: m[1] + (" PID" if m[1] == "pid" else " N"), text)
    return text.replace(f"on {socket.gethostname()}, user {getpass.getuser()}", "on HOST, user USER")
