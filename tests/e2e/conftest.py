"""Fixtures of the end-to-end tests. All servers are real, listen on 127.0.0.1 and end with the run.

Environment: ESMIGRATE, the binary under test (default build/esmigrate); ESMIGRATE_TEST_ENGINES, the families of engines
that every test is run on (default "opensearch"; "opensearch,elasticsearch" runs each test on both); ESMIGRATE_TEST_DIR,
the folder for the servers (default: a temporary one); ESMIGRATE_TEST_EITHER, of the tests marked "either" the share to
run, and ESMIGRATE_TEST_FILES, of the files: "1/2" is the first of two (default: all); ESMIGRATE_TEST_QUIET=1, the machine
has nothing else to do, so that rates have to be reached, too.
"""

import collections
import os
import pathlib
import shutil
import signal
import tempfile

import pytest

import readers
import soak
from faults import wait_until
from harness import App
from servers import Engine, PgBouncer, Postgres

# As if it were Ctrl-C: pytest then ends its fixtures, and with them the servers.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# libpq, here and in esmigrate, would mix the developer's own settings into every connection.
for _name in [name for name in os.environ if name.startswith("PG")]:
    del os.environ[_name]

ENGINES = os.environ.get("ESMIGRATE_TEST_ENGINES", "opensearch").split(",")


def _share(name):
    """Which of how many equal shares this run has to do."""
    number, shares = map(int, os.environ.get(name, "1/1").split("/"))
    return number - 1, shares


def _files_of_this_run(items):
    """A share of the files with about as many tests as each of the others."""
    number, shares = _share("ESMIGRATE_TEST_FILES")
    files, sizes = [set() for _ in range(shares)], [0] * shares
    tests = collections.Counter(item.path for item in items)
    for path in sorted(tests, key=lambda path: (-tests[path], path)):
        smallest = sizes.index(min(sizes))
        files[smallest].add(path)
        sizes[smallest] += tests[path]
    return files[number]


def pytest_collection_modifyitems(config, items):
    """Leaves out the tests that are another run's."""
    number, shares = _share("ESMIGRATE_TEST_EITHER")
    either = [item for item in items if item.get_closest_marker("either")]
    others = {item for n, item in enumerate(either) if n % shares != number}
    files = _files_of_this_run([item for item in items if item not in others])
    others |= {item for item in items if item.path not in files}
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=list(others))


def pytest_terminal_summary(terminalreporter):
    lines = soak.table()
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def server_folder():
    """The folder in which servers live; other system users can reach it, as they have to."""
    given = os.environ.get("ESMIGRATE_TEST_DIR")
    folder = pathlib.Path(given or tempfile.mkdtemp(prefix="esmigrate-test.", dir=os.environ.get("TMPDIR", "/var/tmp")))
    folder.chmod(0o755)
    yield folder
    if not given:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(server_folder):
    """The PostgreSQL server of the run (servers.Postgres)."""
    server = Postgres(server_folder / "postgres")
    yield server
    server.remove()


@pytest.fixture(scope="session", params=ENGINES)
def engine(request, server_folder):
    """The engine (servers.Engine), once per family in ESMIGRATE_TEST_ENGINES."""
    server = Engine(request.param, server_folder / request.param)
    yield server
    server.remove()


@pytest.fixture
def private_postgres(server_folder):
    """Makes PostgreSQL servers for this test alone: private_postgres("--set", "track_activities: off")."""
    servers = []

    def make(*options):
        servers.append(Postgres(tempfile.mkdtemp(prefix="postgres.", dir=server_folder), *options))
        return servers[-1]

    yield make
    for server in servers:
        server.remove()


@pytest.fixture
def private_engine(server_folder, engine):
    """Makes engines, of the family that the test runs on, for this test alone:
    private_engine("--set", "thread_pool.write.queue_size: 1"). It takes ten seconds."""
    servers = []

    def make(*options):
        servers.append(Engine(engine.family, tempfile.mkdtemp(prefix="engine.", dir=server_folder), *options))
        return servers[-1]

    yield make
    for server in servers:
        server.remove()


@pytest.fixture
def pooler(server_folder, postgres_server):
    """Makes poolers in front of the run's PostgreSQL for this test: pooler("transaction", "server_round_robin = 1")."""
    poolers = []

    def make(mode, *options):
        folder = tempfile.mkdtemp(prefix="pgbouncer.", dir=server_folder)
        poolers.append(PgBouncer(folder, postgres_server, mode, *options))
        wait_until(lambda: poolers[-1].ready)
        return poolers[-1]

    yield make
    for made in poolers:
        made.kill()


@pytest.fixture
def make_app(postgres_server, engine, tmp_path):
    """Makes an App (see harness.App), on other servers than the run's if they are given:
    make_app(postgres=..., engine=...)."""
    apps = []

    def make(postgres=postgres_server, engine=engine):
        apps.append(App(postgres, engine, tmp_path / f"app{len(apps) + 1}"))
        return apps[-1]

    yield make
    for app in apps:
        app.clean_up()


@pytest.fixture
def app(make_app):
    """An application for this test: a fresh database, an index prefix of its own, an empty indexes/ (harness.App)."""
    return make_app()


@pytest.fixture(scope="session")
def reader_program():
    return readers.make_program()
