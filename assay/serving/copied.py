"""Whole copies of the server's databases, taken while it runs, and what the exchange's copy names.

Whoever copies several goes from those that refer to those that are referred to: a job of an attempt that is not in the
copy could not be done, while an attempt without its job is enqueued again.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from assay import database
from assay.errors import ExchangeError
from assay.exchange import tables
from assay.exchange.manifest import File, read_manifest
from assay.settings import Settings

DUMP = "postgresql.dump"


def sqlite_places(settings: Settings) -> Mapping[str, Path]:
    """The files of databases, by their path in the server's folder, in the order in which they are copied."""
    names = ("hub/jupyterhub.sqlite", "jobs.sqlite", "exchange/exchange.sqlite")
    return {name: settings.home / name for name in names}


@contextmanager
def copies(settings: Settings, folder: Path) -> Iterator[tuple[Mapping[str, Path], tuple[File, ...]]]:
    """Copies by the names that they have in a backup, and all files that the exchange's names. Raises ExchangeError."""
    if settings.database:
        yield {DUMP: folder / DUMP}, _dumped(settings.database, folder / DUMP)
        return
    if not (settings.home / "exchange" / "exchange.sqlite").is_file():
        raise ExchangeError(f"{settings.home} has no exchange yet. Start the server first: assay serve")
    found = {}
    for number, (name, place) in enumerate(sqlite_places(settings).items()):
        if place.is_file():
            found[name] = folder / str(number)
            _copy(place, found[name])
    exchange = f"sqlite:///{found['exchange/exchange.sqlite']}"
    with tables.open_database(exchange) as engine, tables.reading(engine) as connection:
        files = _named(connection)
    yield found, files


def put_back(settings: Settings, dump: Path) -> None:
    """Fill an empty PostgreSQL database: all of it, or nothing. Raises ExchangeError."""
    place = database.address(settings.database, ExchangeError)
    engine = sa.create_engine(place)
    try:
        there = sa.inspect(engine).get_table_names()
    except SQLAlchemyError as error:
        raise ExchangeError(f"The database {_shown(place)} cannot be opened ({error}).") from error
    finally:
        engine.dispose()
    if there:
        raise ExchangeError(f"The database {_shown(place)} is not empty. Make a new one, and name that.")
    _postgresql("pg_restore", settings.database, ["--single-transaction", "--exit-on-error", "--no-owner", str(dump)])


def _copy(place: Path, target: Path) -> None:
    """By SQLite's own means: whole, whoever writes meanwhile."""
    try:
        with closing(
            sqlite3.connect(f"{place.absolute().as_uri()}?mode=ro", uri=True, timeout=database.WAIT)
        ) as source:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
    except sqlite3.Error as error:
        raise ExchangeError(f"{place} cannot be copied ({error}). Try again.") from error


def _dumped(url: str, target: Path) -> tuple[File, ...]:
    """The dump and the files are of one moment."""
    with tables.open_database(url) as engine, tables.reading(engine) as connection:
        connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # however long a dump takes
        moment = connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one()
        _postgresql("pg_dump", url, ["--format=custom", f"--snapshot={moment}", f"--file={target}"])
        return _named(connection)


def _named(connection: sa.Connection) -> tuple[File, ...]:
    found: dict[str, File] = {}
    for table in (tables.assignment, tables.attempt, tables.feedback):
        for text in connection.execute(sa.select(table.c.manifest)).scalars():
            found |= {file.sha256: file for file in read_manifest(text)}
    return tuple(found.values())


def _postgresql(name: str, url: str, words: list[str]) -> None:
    place = database.address(url, ExchangeError)
    # The password is for libpq alone, not for the list of processes.
    environ = {**os.environ, **({"PGPASSWORD": place.password} if place.password else {})}
    plain = place.set(drivername="postgresql", password=None).render_as_string()
    try:
        subprocess.run([_program(name), *words, "--dbname", plain], env=environ, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = error.stderr.decode(errors="replace").strip() if isinstance(error, subprocess.CalledProcessError) else ""
        raise ExchangeError(f"{name} failed for {_shown(place)}: {said or error}") from error


def _program(name: str) -> str:
    """The newest there is: an older one refuses a newer server. Debian's wrapper chooses by itself, but wrongly."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        raise ExchangeError(f"{name} is not installed. On Debian: apt-get install postgresql-client")
    return found


def _shown(place: sa.URL) -> str:
    return place.render_as_string(hide_password=True)
