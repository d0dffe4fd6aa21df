"""An application of its own for each test: a database, an index prefix, a folder of declarations, and esmigrate."""

import codecs
import contextlib
import fcntl
import json
import os
import pathlib
import re
import secrets
import select
import shlex
import signal
import struct
import subprocess
import tempfile
import termios
import time
import urllib.parse

import psycopg

from servers import ROOT

BINARY = pathlib.Path(os.environ.get("ESMIGRATE", ROOT / "build" / "esmigrate")).resolve()

# What a sanitized build prints when it found something: a failure of the test, whatever it asserts.
_SANITIZER_REPORT = re.compile(r"\w+Sanitizer|:\d+: runtime error: ")


class Result:
    """How one run of esmigrate ended: .argv .code (negative: killed by that signal) .out .err .seconds"""

    def __init__(self, argv, code, out, err, seconds):
        self.argv, self.code, self.out, self.err, self.seconds = argv, code, out, err, seconds
        assert not _SANITIZER_REPORT.search(err), f"a sanitizer complains\n{self}"

    @property
    def json(self):
        """stdout of a run with `-o json`, parsed."""
        __tracebackhide__ = True
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"stdout is not JSON: {error}\n{self}") from None

    def __repr__(self):
        return (
            f"$ {shlex.join(self.argv)}\n"
            f"exit code: {self.code} after {self.seconds:.2f} s\n"
            f"stdout:\n{self.out or '(nothing)'}\n"
            f"stderr:\n{self.err or '(nothing)'}"
        )


LOCK_CLASSES = list(range(0x65736D30, 0x65736D37))  # of core/domain/lock.h, whose sessions end as soon as their process


def _local_ports(pid):
    """Of a process's TCP connections; none, if it has ended."""
    try:
        sockets = {os.readlink(entry) for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
        rows = pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return []
    return [int(row.split()[1].split(":")[1], 16) for row in rows if f"socket:[{row.split()[9]}]" in sockets]


class Process:
    """A run of esmigrate in the background."""

    def __init__(self, argv, env, cwd, stdin, await_locks):
        """`await_locks`: called with the local ports of its connections when it was killed."""
        self.argv, self._await_locks = argv, await_locks
        self._result = None
        self._begun = time.monotonic()
        # Files, because a pipe that nobody reads would stop the program.
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self._popen = subprocess.Popen(argv, env=env, cwd=cwd, stdin=stdin, stdout=self._out, stderr=self._err)

    @property
    def pid(self):
        return self._popen.pid

    @property
    def running(self):
        return self._popen.poll() is None

    @property
    def out(self):
        """stdout so far."""
        return self._text(self._out)

    @property
    def err(self):
        """stderr so far."""
        return self._text(self._err)

    def signal(self, number):
        """Sends a signal, if it still runs: signal.SIGINT, SIGSTOP, SIGCONT, ..."""
        self._popen.send_signal(number)

    def kill(self, number=None):
        """kill -9, or another signal, and waits for the end, and until its locks are free."""
        ports = _local_ports(self.pid)
        self.signal(number or signal.SIGKILL)
        result = self.wait()
        self._await_locks(ports)
        return result

    def wait(self, timeout=120, check=None):
        """Waits for the end: its Result. `check`: the exit code that it must have."""
        __tracebackhide__ = True
        if self._result is None:
            try:
                # At the end itself: wait() alone looks for it every 50 ms. Not all kernels give the exit code that soon.
                code = self._popen.wait(10 if self._ends(timeout) else 0)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
                raise AssertionError(f"still running\n{self._ended('none, timed out')}") from None
            self._result = self._ended(code)
            self._out.close()
            self._err.close()
        if check is not None:
            assert self._result.code == check, f"exit code {self._result.code}, expected {check}\n{self._result}"
        return self._result

    def clean_up(self):
        """Ends it unseen, if it still runs."""
        if self._result is None:
            self._popen.kill()
            self._popen.wait()
            self._out.close()
            self._err.close()

    def _ends(self, timeout):
        """Waits for the end: has it come?"""
        if not self.running:
            return True
        handle = os.pidfd_open(self.pid)
        try:
            return bool(select.select([handle], [], [], timeout)[0])
        finally:
            os.close(handle)

    def _ended(self, code):
        return Result(self.argv, code, self.out, self.err, time.monotonic() - self._begun)

    def _text(self, file):
        if self._result is not None:
            return self._result.out if file is self._out else self._result.err
        # pread: the program writes through the same file description, whose position is not to be moved.
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


def _converse(keyboard, answers, timeout):
    """Types the answers as they are asked for, until the program closes the terminal: all that it showed."""
    shown, decoder = "", codecs.getincrementaldecoder("utf-8")()
    until = time.monotonic() + timeout
    while True:
        assert select.select([keyboard], [], [], max(0, until - time.monotonic()))[0], f"still running:\n{shown}"
        try:
            block = os.read(keyboard, 65536)
        except OSError:  # Linux: EIO when the last writer is gone
            block = b""
        if not block:
            assert not answers, f"never asked for: {answers[0][0]}\n{shown}"
            return shown.replace("\r\n", "\n")
        shown += decoder.decode(block)
        if answers and answers[0][0] in shown:
            os.write(keyboard, answers.pop(0)[1].encode())


class App:
    """What the tests call `app`. Names of masters and instances are given as a user types them: without the prefix.

    .postgres .engine_server  the servers it is on (servers.Postgres, servers.Engine)
    .database .conninfo       its own database: source and history
    .prefix                   of its indexes in the engine
    .folder .indexes          its project folder, and indexes/ in it
    .env                      the environment esmigrate runs in; a test may change it
    .launcher                 words in front of its command line: a program that runs it
    """

    def __init__(self, postgres, engine, folder):
        self.postgres, self.engine_server = postgres, engine
        self.folder = pathlib.Path(folder)
        self.indexes = self.folder / "indexes"
        self.indexes.mkdir(parents=True)
        name = secrets.token_hex(4)
        self.prefix = f"t{name}_"
        self.database = f"esmigrate_test_{name}"
        self.conninfo = postgres.conninfo(self.database)
        self.env = self._environment()
        self.launcher = []
        self._processes = []
        self._connection = None
        postgres.create_database(self.database)

    # ---- esmigrate

    def start(self, *args, env=None, input=None):
        """Runs esmigrate in the background: a Process, ended with the test at the latest."""
        stdin = subprocess.DEVNULL
        if input is not None:
            stdin = tempfile.TemporaryFile()
            stdin.write(input.encode())
            stdin.seek(0)
        argv = [*self.launcher, str(BINARY), *map(str, args)]
        try:
            process = Process(argv, {**self.env, **(env or {})}, self.folder, stdin, self._await_free_locks)
        finally:
            if input is not None:
                stdin.close()
        self._processes.append(process)
        return process

    def run(self, *args, env=None, input=None, check=None, timeout=120):
        """Runs esmigrate to its end: a Result. `env` is added to its environment, `input` is its stdin (none: empty),
        `check` the exit code that it must have."""
        __tracebackhide__ = True
        return self.start(*args, env=env, input=input).wait(timeout, check)

    def ok(self, *args, **options):
        """Runs it with `-o json` added; it must exit with 0. Its parsed output, or None if it prints nothing."""
        __tracebackhide__ = True
        result = self.run(*args, "-o", "json", check=0, **options)
        return result.json if result.out.strip() else None

    def fails(self, code, *args, **options):
        """Runs it; it must exit with `code` and explain itself on stderr. Its Result."""
        __tracebackhide__ = True
        result = self.run(*args, check=code, **options)
        assert "esmigrate: " in result.err, f"no message on stderr\n{result}"
        return result

    def terminal(self, *args, columns=80, answers=(), timeout=60):
        """Runs it on a terminal of that width: (exit code, all that was shown). `answers`: pairs of a text that is
        waited for and what is then typed."""
        keyboard, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([BINARY, *map(str, args)], env=self.env, cwd=self.folder, stdin=terminal,
                                   stdout=terminal, stderr=terminal, start_new_session=True)
        os.close(terminal)
        try:
            shown = _converse(keyboard, list(answers), timeout)
            return process.wait(timeout), shown
        finally:
            process.kill()
            process.wait()
            os.close(keyboard)

    def declare(self, name, index=None, documents=None, changed=None, master=None):
        """Writes the given files of a declaration: objects or text for index.json and master.json, SQL for the rest."""
        folder = self.indexes / name
        folder.mkdir(exist_ok=True)
        for file, content in (
            ("index.json", index),
            ("documents.sql", documents),
            ("changed.sql", changed),
            ("master.json", master),
        ):
            if content is not None:
                text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
                (folder / file).write_text(text)

    # ---- PostgreSQL

    def connect(self, **options):
        """A connection of one's own to the database: autocommit, rows as dicts. The test closes it."""
        return self.postgres.connect(self.database, **options)

    def sql(self, query, params=None):
        """Runs it, in autocommit: the rows as a list of dicts, or an empty list."""
        if self._connection is None or self._connection.closed:
            self._connection = self.connect()
        cursor = self._connection.execute(query, params)
        return cursor.fetchall() if cursor.description else []

    def history(self):
        """The actions, oldest first: the columns of index_action, and the names `master`, `instance`, `index`."""
        return self.sql(
            """
            SELECT a.*, m.name AS master, i.number AS instance, i.index_name AS index
            FROM esmigrate.index_action a
            LEFT JOIN esmigrate.index_instance i ON i.id = a.instance_id
            LEFT JOIN esmigrate.index_master m ON m.id = a.master_id
            ORDER BY a.started_at, a.id
            """
        )

    def _await_free_locks(self, ports):
        """Until no session that comes from these ports holds one, if PostgreSQL runs at all."""
        left = ("SELECT FROM pg_stat_activity JOIN pg_locks USING (pid)"
                " WHERE client_port = ANY (%s) AND locktype = 'advisory' AND granted AND classid = ANY (%s)")
        until = time.monotonic() + 30
        with contextlib.suppress(psycopg.OperationalError):
            while ports and self.sql(left, (ports, LOCK_CLASSES)):
                assert time.monotonic() < until, "the locks of a killed process are not let go of"
                time.sleep(0.005)

    # ---- the engine

    def engine(self, method, path, body=None):
        """A request to the engine, its names with prefix: (status, answer). See servers.Engine.request."""
        return self.engine_server.request(method, path, body)

    def full_name(self, name):
        """The name in the engine."""
        return name if name.startswith(self.prefix) else self.prefix + name

    def docs(self, index):
        """{_id: _source} of all documents of an index (or alias), after a refresh."""
        name = urllib.parse.quote(self.full_name(index))
        engine = self.engine_server
        engine.must("POST", f"{name}/_refresh")
        page = engine.must("POST", f"{name}/_search?scroll=1m", {"size": 10000, "sort": ["_doc"]})
        found = {}
        while page["hits"]["hits"]:
            found.update((hit["_id"], hit["_source"]) for hit in page["hits"]["hits"])
            page = engine.must("POST", "_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        engine.must("DELETE", "_search/scroll", {"scroll_id": page["_scroll_id"]})
        return found

    def alias(self, name):
        """The engine's names of the indexes that the alias points to: a sorted list, empty if there is no alias."""
        status, answer = self.engine("GET", "_alias/" + self.full_name(name))
        return sorted(answer) if status == 200 else []

    def indices(self):
        """The engine's names of all indexes with the app's prefix."""
        return sorted(
            row["index"]
            for row in self.engine_server.must("GET", f"_cat/indices/{self.prefix}*?format=json&expand_wildcards=all")
        )

    # ---- the end

    def clean_up(self):
        """Ends its processes, drops its database and its indexes; servers that the test stopped or paused go on."""
        for process in self._processes:
            process.clean_up()
        if self._connection is not None:
            self._connection.close()
        if not self.postgres.running:
            self.postgres.start()
        self.postgres.resume()
        self.postgres.execute(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
        if not self.engine_server.running:
            self.engine_server.start()
        self.engine_server.resume()
        settings = {"persistent": {"*": None}, "transient": {"*": None}}
        self.engine_server.must("PUT", "_cluster/settings", settings)
        for index in self.indices():
            self.engine_server.must("DELETE", index)

    def _environment(self):
        env = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PG", "ESMIGRATE"))
            and key not in ("OPENSEARCH_URL", "ELASTICSEARCH_URL")
            and not key.lower().endswith("_proxy")
        }
        env["ESMIGRATE_HISTORY"] = self.conninfo
        env["ESMIGRATE_PREFIX"] = self.prefix
        env["ESMIGRATE_INDEXES"] = str(self.indexes)
        env[f"{self.engine_server.family.upper()}_URL"] = self.engine_server.url
        return env
