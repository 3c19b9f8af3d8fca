"""The database that keeps the jobs: SQLite in one file by default, PostgreSQL by its address.

SQLite allows one writer at a time. A transaction that changes something therefore takes the write lock before it
reads, or two processes could both read the same waiting job. Those that only read wait for nobody.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from assay.errors import JobError
from assay.jobs.schema import metadata

WAIT = 30.0  # seconds for another process's transaction
CHANGES = "assay_changes"  # marks a transaction that will write
MAKING = 0x6A6F6273  # PostgreSQL's lock for whoever makes the tables: any number that is always the same


def opened(url: str) -> Engine:
    """The jobs behind a database address, such as sqlite:////srv/assay/jobs.sqlite; tables are made at first use.

    Every process opens its own: an open connection does not survive a fork. Raises JobError where it cannot be opened.
    """
    try:
        sqlite = url.startswith("sqlite")
        how: dict[str, Any] = {"connect_args": {"timeout": WAIT}} if sqlite else {"pool_pre_ping": True}
        engine = create_engine(url, **how)
    except (SQLAlchemyError, ImportError) as error:
        # The address is not repeated: it can hold a password.
        raise JobError(f"The database of jobs has an address that cannot be used: {error}. See `database`.") from error
    if sqlite:
        event.listen(engine, "connect", _durable)
        event.listen(engine, "begin", _begin)
    with changing(engine) as connection:
        if not sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(MAKING)))  # two may start at the same moment
        metadata.create_all(connection)
    return engine


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: all of it is recorded, or nothing."""
    with _explained(engine), engine.connect() as connection:
        connection.execution_options(**{CHANGES: True})
        with connection.begin():
            yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads, and sees one moment."""
    with _explained(engine), engine.connect() as connection:
        yield connection


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # for the caller, who knows what is there already
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        where = engine.url.render_as_string(hide_password=True)
        raise JobError(f"The jobs in {where} cannot be used: {cause}. Nothing was changed; try again.") from error


def _durable(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself; _begin does
    connection.execute("PRAGMA journal_mode = WAL")  # who reads does not wait for who writes
    connection.execute("PRAGMA synchronous = FULL")  # what was recorded survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    changes = connection.get_execution_options().get(CHANGES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if changes else "BEGIN")
