"""The tables of the exchange, in SQLite or PostgreSQL, and the connection to them.

Times are microseconds since 1970. A manifest is the canonical JSON of its files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from assay import database
from assay.errors import ExchangeError

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
    sa.Column("reason", database.Words, nullable=False),
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
    sa.Column("released", sa.Boolean, nullable=False),
)

# The database itself refuses to change or remove what was submitted, whichever program asks.
for _verb in ("UPDATE", "DELETE"):
    _refusal = f"""
        CREATE TRIGGER attempt_no_{_verb.lower()} BEFORE {_verb} ON attempt
        BEGIN SELECT RAISE(ABORT, 'an attempt never changes'); END"""
    sa.event.listen(attempt, "after_create", sa.DDL(_refusal).execute_if(dialect="sqlite"))
_FUNCTION = """
    CREATE OR REPLACE FUNCTION attempt_is_final() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'an attempt never changes'
    USING ERRCODE = 'integrity_constraint_violation'; END $$"""
_TRIGGER = """
    CREATE TRIGGER attempt_is_final BEFORE UPDATE OR DELETE ON attempt
    FOR EACH ROW EXECUTE FUNCTION attempt_is_final()"""
for _statement in (_FUNCTION, _TRIGGER):
    sa.event.listen(attempt, "after_create", sa.DDL(_statement).execute_if(dialect="postgresql"))


@contextmanager
def open_database(url: str) -> Iterator[sa.Engine]:
    """The database behind an address, with its tables. Raises ExchangeError."""
    engine = database.opened(url, metadata, ExchangeError)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that writes: all of it is kept, or nothing. Raises ExchangeError where the database refuses."""
    try:
        with database.changing(engine, ExchangeError) as connection:
            yield connection
    except IntegrityError as error:
        raise ExchangeError(f"The database of the exchange refuses ({error.orig}). Nothing was stored.") from error


reading = partial(database.reading, error=ExchangeError)
