"""How fast esmigrate is, beside the engine's own limit: bench.py BUILD, as `make bench` runs it.

Starts servers of its own, measures, prints a table and writes its figures. Environment, all optional:

BENCH_ENGINE      opensearch (default) or elasticsearch
BENCH_ROWS        small documents of a full load, 1,000,000; of the nested ones a tenth is loaded
BENCH_SHAPES      book,course: the small and the nested document
BENCH_ROUNDS      3; figures are medians
BENCH_CASES       limit,update,script,postgres,sink: full loads; sizes: loads and changes of tables of several sizes;
                  verify: es_verify of BENCH_ROWS small documents; history: start-up and a history of a million
                  actions. Default: all
BENCH_PLACEMENTS  shared,pinned: everything on all cores; the engine on one core and the rest on the others
BENCH_CONNECTIONS 1,2,3,4, and BENCH_BODY_MIB, 5: with how many connections and what bodies the limit is looked for
BENCH_SIZES       10000,100000,1000000: rows of the tables of `sizes`; BENCH_LARGE=1 adds 10,000,000
BENCH_RUNS        15: of each command that takes moments
BENCH_ACTIONS     1,000,000: in the history
BENCH_WARM        600,000: documents that the engine takes before anything is measured
BENCH_HEAP        2g: the engine's
BENCH_RESULTS     the file for the figures, BUILD/bench/results.json, of which `make bench-docs` makes README's

One case, fast: BENCH_CASES=update,limit BENCH_SHAPES=book BENCH_PLACEMENTS=shared BENCH_CONNECTIONS=3 BENCH_ROWS=300000
BENCH_ROUNDS=3 BENCH_RESULTS=build/bench/few.json make bench
"""

import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass

# libpq would mix the developer's own settings into every connection.
for _name in [name for name in os.environ if name.startswith("PG")]:
    del os.environ[_name]

from stage import SHAPES, Bench, Stage  # noqa: E402 (sets the path of what follows)

import latencies  # noqa: E402
import loads  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
import verify  # noqa: E402
from harness import BINARY  # noqa: E402
from servers import Engine, Postgres  # noqa: E402

ALL_CASES = [*loads.CASES, "sizes", "verify", "history"]


@dataclass
class Options:
    engine: str
    heap: str
    rows: int
    shapes: list
    rounds: int
    cases: list
    placements: list
    connections: list
    body_mib: list
    sizes: list
    runs: int
    actions: int
    warm: int


def options_of(env):
    def words(name, default, known=None):
        found = env.get(name, default).replace(",", " ").split()
        wrong = [word for word in found if known and word not in known]
        if wrong or not found:
            sys.exit(f"{name}: not known: {', '.join(wrong)}; known: {', '.join(known or [])}")
        return found

    def number(name, default):
        return int(env.get(name, str(default)).replace(",", "").replace("_", ""))

    large = [10_000_000] if env.get("BENCH_LARGE") == "1" else []
    return Options(
        engine=env.get("BENCH_ENGINE", "opensearch"),
        heap=env.get("BENCH_HEAP", "2g"),
        rows=number("BENCH_ROWS", 1_000_000),
        shapes=words("BENCH_SHAPES", "book,course", SHAPES),
        rounds=number("BENCH_ROUNDS", 3),
        cases=words("BENCH_CASES", ",".join(ALL_CASES), ALL_CASES),
        placements=words("BENCH_PLACEMENTS", "shared,pinned" if os.cpu_count() > 1 else "shared", machine.PLACEMENTS),
        connections=[int(word) for word in words("BENCH_CONNECTIONS", "1,2,3,4")],
        body_mib=[float(word) for word in words("BENCH_BODY_MIB", "5")],
        sizes=[int(word) for word in words("BENCH_SIZES", "10000,100000,1000000")] + large,
        runs=number("BENCH_RUNS", 15),
        actions=number("BENCH_ACTIONS", 1_000_000),
        warm=number("BENCH_WARM", 600_000),
    )


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def figures(stage, options):
    """Everything that was asked for, one measurement after the other."""
    cases = set(options.cases)
    if cases & {*loads.CASES, "sizes"}:
        say(f"making {options.rows} rows")
        bench = Bench(stage, options.rows, options.shapes, stage.folder / "loads")
        try:
            if cases & {"limit", "update", "script", "sizes"}:
                loads.warm(bench, options.warm, say)
            yield from loads.run(bench, options)
        finally:
            bench.clean_up()
    if "sizes" in cases:
        yield from latencies.sizes(stage, options, stage.folder)
    if "verify" in cases:
        yield from verify.verify(stage, options, stage.folder)
    if "history" in cases:
        yield from latencies.history(stage, options, stage.folder)


def run(postgres, engine, programs, folder, options):
    """Measures on these servers: the results, as they are written. Ctrl-C: those there are so far."""
    stage = Stage(postgres, engine, programs, folder)
    results = {"machine": machine.describe(BINARY, postgres, engine), "options": vars(options), "figures": []}
    try:
        for found in figures(stage, options):
            results["figures"].append(found)
            say(report.line(found))
    except KeyboardInterrupt:
        say("stopped")
    return results


def main(build):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = options_of(os.environ)
    programs = pathlib.Path(build).resolve() / "bench"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="esmigrate-bench.", dir=os.environ.get("TMPDIR", "/var/tmp")))
    folder.chmod(0o755)
    servers = []
    busy = os.getloadavg()[0]
    if busy > os.cpu_count() / 4:
        say(f"others use this machine (load {busy:.1f}): the figures will mean little")
    try:
        say("starting servers")
        servers.append(Postgres(folder / "postgres", "--set", "shared_buffers: 1GB", "--set", "max_wal_size: 8GB",
                                "--set", "autovacuum: off"))
        servers.append(Engine(options.engine, folder / "engine", "--heap", options.heap, "--optimize"))
        results = run(*servers, programs, folder, options)
    finally:
        for server in servers:
            server.remove()
        shutil.rmtree(folder)
    report.write(results, pathlib.Path(os.environ.get("BENCH_RESULTS", programs / "results.json")))
    print(report.table(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
