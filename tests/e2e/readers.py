"""Readers who search through an alias all the time."""

import contextlib
import json
import os
import pathlib
import subprocess
import urllib.parse

from servers import ROOT

A_SECOND = 1000
QUIET = os.environ.get("ESMIGRATE_TEST_QUIET") == "1"


def make_program():
    """tests/bench/reader, as fast as it can be made: a thread of Python does not reach a thousand a second."""
    build = os.environ.get("ESMIGRATE_BUILD", ROOT / "build")
    subprocess.run(["make", "-s", f"BUILD={build}", f"{build}/bench/reader"], cwd=ROOT, check=True)
    return pathlib.Path(build) / "bench" / "reader"


@contextlib.contextmanager
def reading(app, program, name, a_second=A_SECOND):
    """Searches through a name, so many a second if the machine lets it: what was seen, once it is over."""
    url = f"{app.engine_server.url}/{urllib.parse.quote(app.full_name(name))}/_search?size=1"
    process = subprocess.Popen([program, url, str(a_second), "8"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    seen = {}
    try:
        yield seen
    finally:
        seen.update(json.loads(process.communicate(timeout=120)[0]))
