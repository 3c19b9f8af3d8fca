"""A database of the server: SQLite in one file by default, PostgreSQL by its address.

SQLite allows one writer at a time. A transaction that changes something therefore takes the write lock before it
reads, or two processes could both act on what they read. Those that only read wait for nobody.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from assay.errors import AssayError

WAIT = 30.0  # seconds for another process's transaction
CHANGES = "assay_changes"  # marks a transaction that will write
MAKING = 0x41737361  # PostgreSQL's lock for whoever makes tables: any number that is always the same
Error = Callable[[str], AssayError]


def opened(url: str, metadata: sa.MetaData, error: Error) -> sa.Engine:
    """The database behind an address such as sqlite:////srv/assay/jobs.sqlite; its tables are made at first use.

    Every process opens its own: an open connection does not survive a fork. Raises `error` where it cannot be opened.
    """
    try:
        place = sa.make_url(url)
        sqlite = place.get_backend_name() == "sqlite"
        if sqlite:
            _make_private(place, error)
        how: dict[str, Any] = {"connect_args": {"timeout": WAIT}} if sqlite else {"pool_pre_ping": True}
        engine = sa.create_engine(place, **how)
    except (SQLAlchemyError, ImportError) as cause:
        # The address is not repeated: it can hold a password.
        raise error(
            f"The database cannot be opened: its address cannot be used ({cause}). See `database` in the settings."
        ) from cause
    if sqlite:
        sa.event.listen(engine, "connect", _durable)
        sa.event.listen(engine, "begin", _begin)
    with changing(engine, error) as connection:
        if not sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MAKING)))  # two may start at the same moment
        metadata.create_all(connection)
    return engine


@contextmanager
def changing(engine: sa.Engine, error: Error) -> Iterator[sa.Connection]:
    """One transaction that writes: all of it is recorded, or nothing. Raises `error` where the database fails."""
    with _explained(engine, error), engine.connect() as connection:
        connection.execution_options(**{CHANGES: True})
        with connection.begin():
            yield connection


@contextmanager
def reading(engine: sa.Engine, error: Error) -> Iterator[sa.Connection]:
    """One transaction that only reads, and sees one moment. Raises `error` where the database fails."""
    with _explained(engine, error), engine.begin() as connection:
        yield connection


@contextmanager
def _explained(engine: sa.Engine, error: Error) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # for the caller, who knows what is there already
    except SQLAlchemyError as cause:
        where = engine.url.render_as_string(hide_password=True)
        raise error(
            f"The database {where} failed ({getattr(cause, 'orig', None) or cause}). Nothing was changed; try again."
        ) from cause


def _make_private(place: sa.URL, error: Error) -> None:
    """A file for its owner alone, which SQLite would make readable to all."""
    if not place.database or place.database == ":memory:":
        raise error("A database has to last: give a file, as in sqlite:////path/server.sqlite.")
    path = Path(place.database)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as cause:
        raise error(f"{path} cannot be a database ({cause.strerror}). Give a file that you can write.") from cause


def _durable(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself; _begin does
    connection.execute("PRAGMA journal_mode = WAL")  # who reads does not wait for who writes
    connection.execute("PRAGMA synchronous = FULL")  # what was recorded survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: sa.Connection) -> None:
    changes = connection.get_execution_options().get(CHANGES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if changes else "BEGIN")
