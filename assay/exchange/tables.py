"""The tables of the exchange, in SQLite or PostgreSQL, and the connection to them.

Times are microseconds since 1970. A manifest is the canonical JSON of its files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from assay.errors import ExchangeError

_PATIENCE = 30_000  # ms that a writer waits for another
_OURS = 0x41737361  # PostgreSQL's lock for making tables

metadata = sa.MetaData()

assignment = sa.Table(
    "assignment",
    metadata,
    sa.Column("course", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("release", sa.BigInteger),
    sa.Column("due", sa.BigInteger),
    sa.Column("grace", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer),
    sa.Column("late", sa.Text, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
)


def _of_an_assignment() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["course", "assignment"], ["assignment.course", "assignment.name"])


extension = sa.Table(
    "extension",
    metadata,
    sa.Column("course", sa.Text, primary_key=True),
    sa.Column("assignment", sa.Text, primary_key=True),
    sa.Column("student", sa.Text, primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    _of_an_assignment(),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("course", sa.Text, nullable=False),
    sa.Column("assignment", sa.Text, nullable=False),
    sa.Column("student", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("submitted", sa.BigInteger, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.UniqueConstraint("course", "assignment", "student", "number"),
    _of_an_assignment(),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # the order in which it was given
    sa.Column("attempt", sa.Text, sa.ForeignKey("attempt.id"), nullable=False, index=True),
    sa.Column("given", sa.BigInteger, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),
)

for _dialect, _text in {
    "sqlite": "CREATE TRIGGER attempt_is_final BEFORE UPDATE ON attempt "
    "BEGIN SELECT RAISE(ABORT, 'an attempt never changes'); END",
    "postgresql": "DO $do$ BEGIN CREATE FUNCTION attempt_is_final() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'an attempt never changes'; END $$; CREATE TRIGGER attempt_is_final BEFORE UPDATE "
    "ON attempt FOR EACH ROW EXECUTE FUNCTION attempt_is_final(); END $do$",
}.items():
    sa.event.listen(attempt, "after_create", sa.DDL(_text).execute_if(dialect=_dialect))


@contextmanager
def open_database(url: str) -> Iterator[sa.Engine]:
    """The database behind a SQLAlchemy URL, with its tables. Raises ExchangeError."""
    try:
        place = sa.make_url(url)
        if place.get_backend_name() == "sqlite":
            engine = _sqlite(place)
        else:
            engine = sa.create_engine(place, pool_pre_ping=True, isolation_level="READ COMMITTED")
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ExchangeError(f"The database cannot be opened ({error}). Check its URL and install its driver.") from None
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_OURS)))
            metadata.create_all(connection)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that writes: all of it is kept, or nothing. Raises ExchangeError where the database fails."""
    with _explained(), engine.execution_options(writing=True).begin() as connection:
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that only reads, and waits for no writer. Raises ExchangeError where the database fails."""
    with _explained(), engine.begin() as connection:
        yield connection


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise ExchangeError(
            f"The database of the exchange failed ({getattr(error, 'orig', None) or error}). "
            "Nothing was stored; try again."
        ) from error


def _sqlite(place: sa.URL) -> sa.Engine:
    if not place.database or place.database == ":memory:":
        raise ExchangeError(
            "The exchange needs a database that lasts: give a file, as in sqlite:////path/exchange.sqlite."
        )
    _make_private(Path(place.database))
    engine = sa.create_engine(place)
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ExchangeError(f"{path} cannot be the database of the exchange ({error.strerror}).") from error


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own
    cursor = connection.cursor()
    # FULL: a receipt is a promise that holds after a power cut too.
    for setting in (f"busy_timeout={_PATIENCE}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    """IMMEDIATE: a writer waits for its turn at the start; later, SQLite would end it instead of letting it wait."""
    immediate = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
