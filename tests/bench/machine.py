"""The machine that is measured on, and who runs on which of its cores."""

import contextlib
import os
import pathlib
import platform
import subprocess

PLACEMENTS = {
    "shared": "everything on this machine",
    "pinned": "the engine on one core, the rest on the others",
}


def describe(binary, postgres, engine):
    """What a reader has to know to compare: a dict of texts and numbers."""
    cpu = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    memory = next(int(line.split()[1]) for line in pathlib.Path("/proc/meminfo").read_text().splitlines()
                  if line.startswith("MemTotal:"))
    [version] = postgres.connect().execute("SHOW server_version").fetchone().values()
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**20),
        "system": f"{platform.system()} {platform.release()}",
        "engine": f"{engine.family} {engine.must('GET', '/')['version']['number']}",
        "postgres": version.split()[0],
        "esmigrate": subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip(),
    }


def _family_of(pid):
    """The process and all that descend from it."""
    pids, children = [], {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            number = int(entry.name)
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(number)
    waiting = [pid]
    while waiting:
        pids.append(waiting.pop())
        waiting += children.get(pids[-1], [])
    return pids


def _pin(pid, cores):
    # Twice: a thread that one not yet pinned starts meanwhile has the old cores.
    for _ in range(2):
        for process in _family_of(pid):
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{process}/task"):
                    os.sched_setaffinity(int(task), cores)


@contextlib.contextmanager
def placed(placement, postgres, engine):
    """Within it, the servers and whatever this process starts run on the cores of the placement."""
    every = os.sched_getaffinity(0)
    first = min(every)
    engines, others = (every, every) if placement == "shared" else ({first}, every - {first})
    try:
        os.sched_setaffinity(0, others)
        _pin(postgres.pid, others)
        _pin(engine.pid, engines)
        yield
    finally:
        os.sched_setaffinity(0, every)
        _pin(postgres.pid, every)
        _pin(engine.pid, every)
