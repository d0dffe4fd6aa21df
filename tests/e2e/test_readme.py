"""README is true: the deploy in it is played, its command is built, its query runs.

ESMIGRATE_README=write puts the output of this run into README in place of what stands there.
"""

import getpass
import os
import re
import shutil
import subprocess

import harness
import psycopg
import pytest
from servers import ROOT

README = ROOT / "README.md"
# A file, "`PATH`, what it is:" in front of it, or a block of commands with their output.
BLOCK = re.compile(r"(?:^`(?P<path>[\w./]+)`[^\n]*:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)

SCHEMA = """
CREATE TABLE teacher (id int PRIMARY KEY, name text, updated_at timestamptz NOT NULL DEFAULT now() - interval '1 day');
CREATE TABLE course (id int PRIMARY KEY, title text, summary text, published boolean NOT NULL DEFAULT true,
    teacher_id int REFERENCES teacher, updated_at timestamptz NOT NULL DEFAULT now() - interval '1 day');
INSERT INTO teacher SELECT n, 'Teacher ' || n FROM generate_series(1, 40) n;
INSERT INTO course SELECT n, 'Course ' || n, 'What course ' || n || ' is about', true, 1 + n % 40
FROM generate_series(1, 1200) n
"""


def blocks(kind=None):
    return [match for match in BLOCK.finditer(README.read_text()) if not kind or match["kind"] == kind]


def without_what_varies(text):
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r"^[0-9a-f]{8} ", "ID ", text, flags=re.M)
    text = re.sub(r"\b\d+\.\d\b", "SECONDS", text)
    text = re.sub(rf"\b({getpass.getuser()}|root)\b", "USER", text)
    return [line.split() for line in text.strip().splitlines() if line.strip("-+ ")]


def play(commands, folder, env):
    """The block as a terminal would show it."""
    shown = ""
    for line in commands:
        done = subprocess.run(["bash", "-c", line], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout
        shown += f"$ {line}\n{done.stdout}"
    return re.sub(r" +$", "", shown, flags=re.M)


@pytest.fixture
def school(app):
    """Indexes without a prefix and psql without arguments, as README has them."""
    app.sql(SCHEMA)
    parts = psycopg.conninfo.conninfo_to_dict(app.conninfo)
    app.env.update(PGHOST=parts["host"], PGPORT=parts["port"], PGUSER=parts["user"], PGDATABASE=parts["dbname"],
                   PATH=f"{app.folder}:{app.env['PATH']}", ESMIGRATE_PREFIX="")
    (app.folder / "esmigrate").symlink_to(harness.BINARY)
    # The blocks follow each other within seconds, which cron does not.
    app.declare("course_search", master={"overlap": "0 seconds"})
    yield app
    for index in ("course_search-1", "course_search-2", "course_search-3"):
        app.engine_server.request("DELETE", index)


def pipeline(school):
    """deploy.sh again and again, and with the files of the first release again."""
    def deploy():
        subprocess.run(["bash", "deploy.sh"], cwd=school.folder, env=school.env, check=True, capture_output=True)
        return [(row["index"], row["state"]) for row in school.ok("es_list") if row["active"]]

    write(school, lambda block: block["path"] == "deploy.sh")
    (school.indexes / "course_search" / "master.json").unlink()
    assert [deploy() for _ in range(2)] == [[("course_search-2", "ready")]] * 2
    (school.indexes / "course_search" / "changed.sql").unlink()
    write(school, lambda block: block["path"] and "next release" not in block[0])
    assert [deploy() for _ in range(2)] == [[("course_search-3", "ready")]] * 2
    (school.indexes / "course_search" / "documents.sql").write_text("SELECT 1")
    with pytest.raises(subprocess.CalledProcessError):
        deploy()
    write(school, lambda block: "next release" in block[0])
    assert deploy() == [("course_search-2", "ready")]


def write(school, wanted):
    for block in blocks():
        if block["path"] and not block["path"].startswith(("core", "cli")) and wanted(block):
            (school.folder / block["path"]).write_text(block["text"])


def test_the_deploy_of_readme_is_what_happens(school):
    text, written = README.read_text(), ""
    position = 0
    for block in blocks():
        if block["path"] and block["path"].startswith("indexes/"):
            (school.folder / block["path"]).write_text(block["text"])
        if block["kind"] != "console":
            continue
        commands = [line[2:] for line in block["text"].splitlines() if line.startswith("$ ")]
        shown = play(commands, school.folder, school.env)
        if os.environ.get("ESMIGRATE_README") == "write":
            written += text[position : block.start("text")] + shown
            position = block.end("text")
        else:
            assert without_what_varies(shown) == without_what_varies(block["text"])
    if written:
        README.write_text(written + text[position:])
    pipeline(school)
    query = next(block["text"] for block in blocks("sql") if "AS lag" in block["text"])
    assert school.sql(query) == []
    assert school.sql(query.replace("15 minutes", "-15 minutes"))[0]["index_name"] == "course_search-2"


def test_the_command_of_readme_can_be_added(app, tmp_path):
    build = harness.BINARY.parent.relative_to(ROOT)
    tree = tmp_path / "tree"
    ignored = shutil.ignore_patterns(".git", "build", "__pycache__")
    shutil.copytree(ROOT, tree, ignore=ignored)
    shutil.copytree(ROOT / build / "objects", tree / build / "objects")
    shutil.copytree(ROOT / build / "generated", tree / build / "generated")
    for block in blocks("c"):
        (tree / block["path"]).write_text(block["text"])
    table = tree / "cli" / "commands.c"
    table.write_text(table.read_text().replace("es_track_command;", "es_track_command, es_ping_command;")
                     .replace("NULL,\n};", "&es_ping_command, NULL,\n};", 1))
    flags = ["SANITIZE=address,undefined", "COVERAGE=1"] if "asan" in str(build) else []
    made = subprocess.run(["make", "-j2", f"BUILD={build}", "DEVELOPER=1", *flags, "all", "docs"], cwd=tree,
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    ping = subprocess.run([tree / build / "esmigrate", "es_ping"], env=app.env, capture_output=True, text=True, check=True)
    assert ping.stdout.split()[:3] == ["engine", "version", app.engine_server.family]
    assert "| [`es_ping`](#es_ping) | Asks the engine who it is |" in (tree / "README.md").read_text()
    assert (tree / "contrib/man/es_ping.1").exists()
