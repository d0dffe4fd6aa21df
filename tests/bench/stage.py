"""What is measured on: applications with data of their own, and programs run under measure.c."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "e2e"))

from harness import BINARY, App  # noqa: E402
from wire import through_wire  # noqa: E402

# Of a small document about 200 bytes, of a nested one about 4 KB: a tenth of them is as much work.
SHAPES = {"book": 1, "course": 10}

# Seconds; the CPU of a session counts as the server's when the session has ended.
REAPED_AFTER = 0.02


@dataclass
class Measured:
    """What a process took: CPU and memory of its own, and the CPU that the servers used meanwhile."""

    seconds: float
    cpu_seconds: float
    rss_mib: float
    postgres_cpu_seconds: float
    engine_cpu_seconds: float
    out: str

    def figures(self):
        return {name: value for name, value in vars(self).items() if name != "out"}


def cpu_seconds(pid):
    """User and system time of a process and of its children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class Stage:
    """The servers, the programs of this folder, and a scratch folder."""

    def __init__(self, postgres, engine, programs, folder):
        self.postgres, self.engine, self.programs, self.folder = postgres, engine, programs, folder

    def _cpu_of_servers(self):
        time.sleep(REAPED_AFTER)
        return cpu_seconds(self.postgres.pid), cpu_seconds(self.engine.pid)

    def measure(self, command, env=None):
        """Runs a command to its end, which has to be a good one: Measured."""
        figures = self.folder / "figures"
        postgres, engine = self._cpu_of_servers()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            done = subprocess.run([self.programs / "measure", figures, *map(str, command)], env=env, cwd=self.folder,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{texts[0]}{texts[1]}")
        postgres_later, engine_later = self._cpu_of_servers()
        seconds, user, system, kib = map(float, figures.read_text().split())
        return Measured(seconds, user + system, kib / 1024, postgres_later - postgres, engine_later - engine, texts[0])

    @contextlib.contextmanager
    def sink(self, record=None):
        """A sink in front of the engine (see sink.c): its URL. `record`: the file for the bodies it swallows."""
        port = self.engine.url.rpartition(":")[2]
        command = [self.programs / "sink", port, *([record] if record else [])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
            finally:
                process.terminate()


class Bench(App):
    """An application with `rows` books, or as many courses as are that much work."""

    def __init__(self, stage, rows, shapes, folder):
        super().__init__(stage.postgres, stage.engine, folder)
        self.stage = stage
        self.rows = {shape: max(1, rows // SHAPES[shape]) for shape in shapes}
        self.copy_sql = {}
        self.sql((HERE / "data" / "words.sql").read_text().encode())
        self.ok("es_init")
        for shape in shapes:
            for file in (HERE / "indexes" / shape).iterdir():
                self.declare(shape, **{file.stem: file.read_text()})
            self.sql((HERE / "data" / f"{shape}.sql").read_text().encode())
            self._note_copy(shape)
            fill = (HERE / "data" / f"{shape}_fill.sql").read_text().replace(":rows", str(self.rows[shape]))
            self.sql(fill.encode())
        self.sql(b"VACUUM ANALYZE")
        self.sql(b"CHECKPOINT")

    def _note_copy(self, shape):
        """The statement by which esmigrate reads all documents: as the server gets it, of a table still empty."""
        index = self.create(shape)
        with through_wire(self) as wire:
            self.ok("es_update", index)
        self.copy_sql[shape] = next(text for text in wire.seen if text.startswith("COPY ("))
        self.drop(index)

    def create(self, shape):
        """A new, empty instance: its name."""
        [row] = self.ok("es_create", "--force", shape)
        return f"{shape}-{row['instance']}"

    def drop(self, index):
        self.ok("es_drop", index, "--yes", "--force")

    def as_update_sets_it(self, index):
        """The settings with which es_update fills an index for the first time."""
        settings = {"index.refresh_interval": "-1", "index.number_of_replicas": "0"}
        self.stage.engine.must("PUT", f"{self.full_name(index)}/_settings", settings)

    def measure(self, *words, env=None):
        """esmigrate with these words, measured."""
        return self.stage.measure([BINARY, *words], env={**self.env, **(env or {})})

    def update(self, index, *words, env=None, rows=None):
        """es_update, measured; it has to bring exactly that many rows, by default all."""
        measured = self.measure("es_update", index, *words, "-q", "-o", "json", env=env)
        [row] = json.loads(measured.out)
        expected = self.rows[index.rpartition("-")[0]] if rows is None else rows
        if row["status"] != "complete" or row["indexed"] != expected or row["rejected"]:
            raise RuntimeError(f"es_update {index}: {expected} documents expected: {measured.out}")
        return measured

    @property
    def url_name(self):
        return f"{self.stage.engine.family.upper()}_URL"

    def update_into_sink(self, shape, *words, record=None):
        """A first full load that the engine takes no part in."""
        index = self.create(shape)
        with self.stage.sink(record) as url:
            measured = self.update(index, *words, env={self.url_name: url})
        self.drop(index)
        return measured

    def bodies(self, shape):
        """A file with the bodies that esmigrate sends for all documents, made when first asked for."""
        file = self.folder / f"{shape}.ndjson"
        if not file.exists():
            self.update_into_sink(shape, record=file)
        return file

    def clean_up(self):
        for shape in self.rows:
            (self.folder / f"{shape}.ndjson").unlink(missing_ok=True)
        super().clean_up()
