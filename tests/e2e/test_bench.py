"""The benchmark runs, all of it, on a few rows: what it measures is for `make bench`."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from servers import ROOT

sys.path.append(str(ROOT / "tests" / "bench"))

import bench  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402

FEW = {
    "BENCH_ROWS": "2000",
    "BENCH_ROUNDS": "1",
    "BENCH_PLACEMENTS": "shared",
    "BENCH_CONNECTIONS": "2",
    "BENCH_SIZES": "500",
    "BENCH_RUNS": "2",
    "BENCH_ACTIONS": "1000",
    "BENCH_WARM": "1",
}


@pytest.fixture
def programs():
    build = ROOT / os.environ.get("ESMIGRATE_BUILD", "build")
    subprocess.run(["make", "-s", f"BUILD={build}", "bench-programs"], cwd=ROOT, check=True)
    return build / "bench"


def test_the_benchmark_measures_every_case_and_writes_its_documents(postgres_server, engine, programs, tmp_path):
    if engine.family != "opensearch":
        pytest.skip("once is enough")
    tmp_path.chmod(0o755)
    options = bench.options_of({"BENCH_ENGINE": engine.family, **FEW})
    results = json.loads(json.dumps(bench.run(postgres_server, engine, programs, tmp_path, options)))

    measured = {(found["case"], found.get("placement"), found.get("shape")) for found in results["figures"]}
    loads = {(case, "shared", shape) for case in report.LOADS for shape in ("book", "course")}
    assert measured == loads | {(case, None, None) for case in ("sizes", "changes", "verify", "history")}
    assert all(found["seconds"] > 0 and found["cpu_seconds"] > 0 for found in results["figures"])
    assert "of the limit" in report.table(results) and "ids/s" in report.table(results)

    (tmp_path / "contrib" / "docs").mkdir(parents=True)
    (tmp_path / "README.md").write_text((ROOT / "README.md").read_text())
    report.write_documents(results, tmp_path)
    assert "| es_update |" in (tmp_path / "README.md").read_text()
    assert len(xml.etree.ElementTree.parse(tmp_path / "contrib" / "docs" / "bench.svg").findall(".//{*}rect")) >= 6


def cores_of(pid):
    """Those that all threads of a process, and of its children, may run on."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = set()
    for process in [pid, *children]:
        with contextlib.suppress(FileNotFoundError):  # it has ended meanwhile
            for task in os.listdir(f"/proc/{process}/task"):
                with contextlib.suppress(ProcessLookupError):
                    found |= os.sched_getaffinity(int(task))
    return found


def test_the_engine_has_a_core_for_itself_and_gives_it_back(postgres_server, engine):
    every = os.sched_getaffinity(0)
    if len(every) == 1:
        pytest.skip("one core")
    with machine.placed("pinned", postgres_server, engine):
        assert cores_of(engine.pid) == {min(every)}
        assert cores_of(postgres_server.pid) == every - {min(every)}
        assert os.sched_getaffinity(0) == every - {min(every)}
    assert cores_of(engine.pid) == cores_of(postgres_server.pid) == os.sched_getaffinity(0) == every
