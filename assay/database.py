"""A database of the server: SQLite in one file by default, PostgreSQL by its address.

SQLite allows one writer at a time. A transaction that changes something therefore takes the write lock before it
reads, or two processes could both act on what they read. Those that only read wait for nobody. Threads of one process
take turns by themselves: SQLite lets who meets another writer sleep for longer than that one takes.

PostgreSQL lets many write at once. Whoever reads before writing there locks the rows that it acts on (SELECT ... FOR
UPDATE), or says in the change itself what has to be so; whoever only reads sees one moment (REPEATABLE READ).
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from assay.errors import AssayError

WAIT = 30.0  # seconds for another process's transaction
IDLE = "10min"  # for which PostgreSQL lets somebody hold a transaction without doing anything
CHANGES = "assay_changes"  # marks a transaction that will write
TURNS = "assay_turns"  # of the threads of a process that write
MAKING = 0x41737361  # PostgreSQL's lock for whoever makes tables: any number that is always the same
DRIVER = "postgresql+psycopg"
ONE_MOMENT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_NOT_KEPT = re.compile("[\0\ud800-\udfff]")
Error = Callable[[str], AssayError]


class Words(sa.types.TypeDecorator[str]):
    """Text from anywhere, in which characters that not every database keeps become a sign for what is missing."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Any) -> str | None:
        """What is recorded."""
        return None if value is None else _NOT_KEPT.sub("\ufffd", value)


def opened(url: str, metadata: sa.MetaData, error: Error) -> sa.Engine:
    """The database behind an address such as sqlite:////srv/assay/jobs.sqlite; its tables are made at first use.

    Every process opens its own: an open connection does not survive a fork. Raises `error` where it cannot be opened.
    """
    place = address(url, error)
    sqlite = place.get_backend_name() == "sqlite"
    if sqlite:
        _make_private(place, error)
    # A connection that has died, as when PostgreSQL was started again, is replaced before it is used.
    how: dict[str, Any] = {"connect_args": {"timeout": WAIT}} if sqlite else {"pool_pre_ping": True}
    try:
        engine = sa.create_engine(place, **how)
    except (SQLAlchemyError, ImportError) as cause:
        raise _unusable(cause, error) from cause
    if sqlite:
        engine.update_execution_options(**{TURNS: Lock()})
        sa.event.listen(engine, "connect", _durable)
        sa.event.listen(engine, "begin", _begin)
    elif place.get_backend_name() == "postgresql":
        sa.event.listen(engine, "connect", _patient)
    with changing(engine, error) as connection:
        if not sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MAKING)))  # two may start at the same moment
        metadata.create_all(connection)
    return engine


def address(url: str, error: Error) -> sa.URL:
    """What a database's address says; postgresql:// is for the driver that comes with Assay. Raises `error`."""
    try:
        place = sa.make_url(url)
    except SQLAlchemyError as cause:
        raise _unusable(cause, error) from cause
    return place.set(drivername=DRIVER) if place.drivername in ("postgresql", "postgres") else place


@contextmanager
def changing(engine: sa.Engine, error: Error) -> Iterator[sa.Connection]:
    """One transaction that writes: all of it is recorded, or nothing. Raises `error` where the database fails."""
    turn = engine.get_execution_options().get(TURNS, nullcontext())
    with turn, _explained(engine, error), engine.connect() as connection:
        connection.execution_options(**{CHANGES: True})
        with connection.begin():
            yield connection


@contextmanager
def reading(engine: sa.Engine, error: Error) -> Iterator[sa.Connection]:
    """One transaction that only reads, and sees one moment. Raises `error` where the database fails."""
    with _explained(engine, error), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(**ONE_MOMENT)
        with connection.begin():
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


def _unusable(cause: Exception, error: Error) -> AssayError:
    """The address is not repeated: it can hold a password."""
    missing = isinstance(cause, ImportError) and "psycopg" in str(cause)
    hint = " For PostgreSQL: pip install 'assay[postgresql]'." if missing else ""
    return error(
        f"The database cannot be opened: its address cannot be used ({cause}). See `database` in the settings.{hint}"
    )


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


def _patient(connection: Any, _record: Any) -> None:
    """PostgreSQL would wait without end for another's lock, and for a client that is at nothing with one in hand."""
    connection.execute(f"SET lock_timeout = '{WAIT * 1000:.0f}ms'")
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE}'")
    connection.commit()


def _begin(connection: sa.Connection) -> None:
    changes = connection.get_execution_options().get(CHANGES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if changes else "BEGIN")
