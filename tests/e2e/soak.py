"""What was broken how often, and what was lost: the table at the end of a run of tests marked `soak`."""

import collections
import os
import random

KILLS = int(os.environ.get("ESMIGRATE_SOAK_KILLS", "100"))
SECONDS = int(os.environ.get("ESMIGRATE_SOAK_SECONDS", "900"))

_faults = collections.defaultdict(lambda: {"times": 0, "lost": 0})


def note(fault, during, times=1, lost=0):
    """`fault` happened to a run that was at `during`; `lost` documents were missing, stale or left over after it."""
    row = _faults[fault, during]
    row["times"] += times
    row["lost"] += lost


def table():
    """Its lines, none if nothing was noted."""
    if not _faults:
        return []
    rows = [("fault", "times", "while", "lost")]
    rows += [(fault, str(row["times"]), during, str(row["lost"])) for (fault, during), row in sorted(_faults.items())]
    rows += [("all", str(sum(row["times"] for row in _faults.values())), "", "")]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def seeded():
    """A source of chance whose seed is printed with a failure; ESMIGRATE_SOAK_SEED repeats a run."""
    seed = int(os.environ.get("ESMIGRATE_SOAK_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"ESMIGRATE_SOAK_SEED={seed}")
    return random.Random(seed)


def differences(found, expected):
    """How many documents of an index are missing, stale or left over."""
    return sum(found.get(key) != expected.get(key) for key in found.keys() | expected.keys())
