"""Real servers for the tests, through tests/engine/server."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import psycopg
from psycopg.rows import dict_row

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "engine" / "server"

# A proxy of the developer's environment has no business between the tests and 127.0.0.1.
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """One private server in a folder of its own; see `tests/engine/server --help`.

    `options` are those of `start`: "--set", "http.max_content_length: 1mb", "--heap", "1g", ...
    """

    family = None
    crash_signal = signal.SIGKILL

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.address = None
        self.start(*options)

    def start(self, *options):
        """Starts it, or starts it again: with its data, its port and its earlier options. Harmless when it runs."""
        self.address = self._script("start", self.family, str(self.folder), *options).strip()

    def stop(self):
        """Stops it in order; its data stays."""
        self._script("stop", str(self.folder))

    def kill(self):
        """Ends it with no chance to tidy up, as a crash does; start() brings it back."""
        os.kill(self.pid, self.crash_signal)
        self.stop()

    def pause(self):
        """Makes it hang: connections stand, nothing is answered. resume() undoes it."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)

    def remove(self):
        """Stops it and deletes all that it left."""
        self._script("remove", str(self.folder))

    @property
    def pid(self):
        return int((self.folder / "pid").read_text())

    @property
    def running(self):
        status = [SCRIPT, "status", str(self.folder)]
        return subprocess.run(status, stdout=subprocess.DEVNULL, check=False).returncode == 0

    @property
    def log(self):
        """What the server has written so far."""
        home = self.folder / "home"
        return ((home if home.exists() else self.folder) / "logs" / "server.log").read_text(errors="replace")

    @staticmethod
    def _script(*arguments):
        done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"tests/engine/server {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


class Postgres(Server):
    """A PostgreSQL server; `address` is the libpq conninfo of its database postgres."""

    family = "postgres"
    # As abrupt for the data as SIGKILL, but no process of it is left to be in the way of the next start.
    crash_signal = signal.SIGQUIT

    def conninfo(self, database):
        return psycopg.conninfo.make_conninfo(self.address, dbname=database)

    def connect(self, database="postgres", **options):
        """A new connection: autocommit, rows as dicts."""
        return psycopg.connect(self.conninfo(database), autocommit=True, row_factory=dict_row, **options)

    def create_database(self, name):
        with self.connect() as connection:
            # Without fsync a copy of the files takes a fifth of the time; PostgreSQL 14 knows nothing else.
            strategy = "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name} {strategy}")

    def execute(self, statement):
        """Runs one statement in the database postgres."""
        with self.connect() as connection:
            connection.execute(statement)


class PgBouncer:
    """A pooler in front of a Postgres, which lets everyone in as its superuser; `options`: lines of its configuration."""

    def __init__(self, folder, postgres, mode, *options):
        folder = pathlib.Path(folder)
        server = psycopg.conninfo.conninfo_to_dict(postgres.address)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        config = folder / "pgbouncer.ini"
        lines = [
            "[databases]",
            f"* = host={server['host']} port={server['port']} user={server['user']}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self._port}",
            "unix_socket_dir =",
            "auth_type = any",
            f"pool_mode = {mode}",
            *options,
        ]
        config.write_text("\n".join(lines) + "\n")
        program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
        # It does not run as root.
        user = ["--user", "nobody"] if os.geteuid() == 0 else []
        self._log = open(folder / "pgbouncer.log", "wb")
        self._process = subprocess.Popen([program, "--quiet", *user, config], stderr=self._log)

    @property
    def ready(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def conninfo(self, database):
        return f"host=127.0.0.1 port={self._port} dbname={database}"

    def kill(self):
        """Ends it at once; harmless when it has ended."""
        self._process.kill()
        self._process.wait()
        self._log.close()


class Engine(Server):
    """An OpenSearch or Elasticsearch node; `address` is its URL."""

    def __init__(self, family, folder, *options):
        self.family = family
        super().__init__(folder, *options)

    @property
    def url(self):
        return self.address

    def request(self, method, path, body=None, timeout=60):
        """(status, answer): the answer parsed if it is JSON, else its text.

        `body`: a dict is sent as JSON, a list as one JSON value per line (_bulk), text and bytes as they are.
        """
        if isinstance(body, dict):
            body = json.dumps(body)
        lines = isinstance(body, list)
        if lines:
            body = "".join(json.dumps(line) + "\n" for line in body)
        if isinstance(body, str):
            body = body.encode()
        request = urllib.request.Request(self.url + "/" + path.lstrip("/"), data=body, method=method)
        request.add_header("Content-Type", "application/x-ndjson" if lines else "application/json")
        try:
            with _http.open(request, timeout=timeout) as response:
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def must(self, method, path, body=None):
        """The answer of a request that has to succeed."""
        status, answer = self.request(method, path, body)
        assert status < 300, f"{method} {path}: HTTP {status}: {answer}"
        return answer
