"""Sources that are copies: a streaming standby, and a subscriber of a publication. Real servers."""

import os
import shutil
import subprocess

import psycopg

from faults import wait_until
from test_horizon import postgres_program


def home_of(server):
    home = server.folder / "home"
    return home.resolve() if home.exists() else server.folder


def make_standby(make_postgres, primary, *options):
    """A hot standby of the primary, which streams."""
    address = psycopg.conninfo.conninfo_to_dict(primary.address)
    source = f"host={address['host']} port={address['port']} user=postgres"
    standby = make_postgres("--set", f"primary_conninfo: '{source}'", *options)
    standby.stop()
    data = home_of(standby) / "data"
    owner = data.stat()
    for path in data.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    backup = [postgres_program("pg_basebackup"), "-D", data, "-d", source, "-X", "stream", "-c", "fast"]
    subprocess.run(backup, check=True)
    (data / "standby.signal").touch()
    for path in [data, *data.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
    standby.start()
    return standby


def replayed(primary, standby):
    """Waits until the standby has replayed all that the primary has written."""
    with primary.connect() as connection:
        lsn = connection.execute("SELECT pg_current_wal_flush_lsn() AS lsn").fetchone()["lsn"]
    with standby.connect() as connection:
        there = "SELECT pg_last_wal_replay_lsn() >= %s AS there"
        wait_until(lambda: connection.execute(there, (lsn,)).fetchone()["there"])
