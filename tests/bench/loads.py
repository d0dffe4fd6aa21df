"""Full loads of an empty index, and what they are compared with: each case is a function that yields its figures."""

import json
import os
import pathlib
import subprocess
import sys

import machine
from harness import BINARY
from stage import HERE

MIB = 2**20


def figures(bench, shape, name, measured, **others):
    return {"shape": shape, "name": name, "documents": bench.rows[shape], "bytes": bench.bodies(shape).stat().st_size,
            **measured.figures(), **others}


def post(bench, shape, index, connections, mib):
    """The bodies of es_update, posted by what does nothing else: (Measured, what it says)."""
    url = f"{bench.stage.engine.url}/{bench.full_name(index)}"
    measured = bench.stage.measure([bench.stage.programs / "poster", f"{url}/_bulk?filter_path=errors,items.*.status,"
                                    "items.*.error,items.*.result", f"{url}/_refresh", connections, int(mib * MIB),
                                    bench.bodies(shape)])
    return measured, json.loads(measured.out)


def limit(bench, shape, options):
    """Bodies made beforehand, by 1 to 4 connections: the engine cannot be faster. The clock runs until the index is
    refreshed, as es_update leaves it."""
    for mib in options.body_mib:
        for connections in options.connections:
            index = bench.create(shape)
            bench.as_update_sets_it(index)
            measured, said = post(bench, shape, index, connections, mib)
            bench.drop(index)
            assert said["documents"] == bench.rows[shape], said
            yield figures(bench, shape, f"limit, {connections} at once, {mib:g} MiB each", measured,
                          seconds=said["seconds"], posted_seconds=said["posted_seconds"],
                          cpu_seconds=said["cpu_seconds"])


def workers():
    """The command lines of es_update that are compared."""
    known = subprocess.run([BINARY, "es_update", "--help"], capture_output=True, text=True, check=True).stdout
    return [(), ("--workers", "2")] if "--workers " in known else [()]


def update(bench, shape, _):
    for words in workers():
        index = bench.create(shape)
        measured = bench.update(index, "--full", *words)
        bench.drop(index)
        yield figures(bench, shape, " ".join(("es_update", *words)), measured)


def sink(bench, shape, _):
    for words in workers():
        measured = bench.update_into_sink(shape, *words)
        yield figures(bench, shape, " ".join(("es_update", *words, "into a sink")), measured)


def script(bench, shape, _):
    """What one would write in Python, with the index set as es_update sets it."""
    index = bench.create(shape)
    bench.as_update_sets_it(index)
    measured = bench.stage.measure([sys.executable, HERE / "loader.py", bench.conninfo, bench.stage.engine.url,
                                    bench.full_name(index), bench.indexes / shape / "documents.sql"])
    bench.drop(index)
    assert int(measured.out) == bench.rows[shape], measured.out
    yield figures(bench, shape, "Python, parallel_bulk", measured)


def psql():
    newest = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"), key=lambda path: int(path.parts[-3]))
    return newest[-1] if newest else "psql"


def postgres(bench, shape, _):
    """COPY alone, thrown away by psql."""
    documents = (bench.indexes / shape / "documents.sql").read_text()
    statements = {
        "COPY of es_update": bench.copy_sql[shape],
        "COPY of row_to_json": f"COPY (SELECT d._id, row_to_json(d) FROM (\n{documents}\n) d)"
                               " TO STDOUT (FORMAT binary)",
        "COPY of columns": f"COPY (\n{documents}\n) TO STDOUT (FORMAT binary)",
    }
    for name, statement in statements.items():
        measured = bench.stage.measure([psql(), "-X", "-q", "-o", "/dev/null", "-d", bench.conninfo, "-c", statement])
        yield figures(bench, shape, name, measured)


CASES = {"limit": limit, "update": update, "script": script, "postgres": postgres, "sink": sink}


def warm(bench, documents, say):
    """A cold JVM hides everything: lets the engine take so many documents first."""
    shape = next(iter(bench.rows))
    posted = 0
    while posted < documents:
        index = bench.create(shape)
        bench.as_update_sets_it(index)
        post(bench, shape, index, 2, 5)
        bench.drop(index)
        posted += bench.rows[shape]
        say(f"warmed with {posted} documents")


def run(bench, options):
    """All rounds of the cases asked for, alternating: yields figures."""
    cases = [function for name, function in CASES.items() if name in options.cases]
    if not cases:
        return
    for placement in options.placements:
        with machine.placed(placement, bench.stage.postgres, bench.stage.engine):
            for number in range(options.rounds):
                for shape in options.shapes:
                    for case in cases[:: -1 if number % 2 else 1]:
                        for found in case(bench, shape, options):
                            os.sync()  # what it left to be written is not to burden the next one
                            yield {"case": case.__name__, "placement": placement, "round": number + 1, **found}
