"""A PostgreSQL of the tests' own: a cluster in a folder of its own, reached through a Unix socket, ended afterwards.

PostgreSQL refuses to run as root, so it runs as Debian's `postgres` there, or as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

USER = "assay"


@dataclass(frozen=True)
class Cluster:
    """One that runs."""

    folder: Path
    account: str  # of the machine, whose files these are; empty: one's own

    def url(self, name: str) -> str:
        """The address of a database in it."""
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def new_database(self) -> str:
        """The address of an empty one."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def start(self) -> None:
        # Nothing here outlives the machine, so nothing is waited for to be on the disk.
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        log = str(self.folder / "log")
        _run(self.account, "pg_ctl", "--wait", "--pgdata", str(self.folder / "data"), "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """`fast` cuts connections off, `immediate` is a crash."""
        _run(self.account, "pg_ctl", "--wait", "--pgdata", str(self.folder / "data"), "--mode", mode, "stop")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Skips where PostgreSQL is not installed."""
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed: make postgresql")
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="assay-pg-", dir="/tmp"))  # the path of a socket has at most 107 bytes
    try:
        if account:
            shutil.chown(folder, account)
        made = Cluster(folder, account)
        more = ["--auth", "trust", "--username", USER, "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        _run(account, "initdb", "--pgdata", str(folder / "data"), *more)
        made.start()
        try:
            yield made
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                made.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> str | None:
    """Of PostgreSQL, which Debian keeps out of PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(installed[-1]) if installed else shutil.which(name)


def _account() -> str:
    if os.geteuid():
        return ""
    known = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _run(account: str, name: str, *words: str) -> None:
    found = program(name)
    assert found is not None
    become: Sequence[str] = ()
    if account:
        group = str(pwd.getpwnam(account).pw_gid)
        become = ["setpriv", "--reuid", account, "--regid", group, "--clear-groups", "--"]
    done = subprocess.run(
        [*become, found, *words], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout.decode()
