"""Rows of the exchange's tables, looked up within a transaction that somebody has begun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from assay.errors import Refusal
from assay.exchange import tables
from assay.exchange.policy import Extension
from assay.exchange.records import (
    Assignment,
    Attempt,
    Feedback,
    assignment_of,
    attempts_of,
    extension_of,
    feedback_of,
)

_RELEASING = 0x72656C65  # the kind of PostgreSQL's locks of names: any number that is always the same
_MOST_AT_ONCE = 500  # values in one query; SQLite takes some thousands


def lock_name(connection: sa.Connection, course: str, name: str) -> None:
    """Of two that release a new assignment at once, the second sees what the first did: there is no row to lock yet."""
    if connection.dialect.name == "postgresql":
        lock = sa.func.pg_advisory_xact_lock(_RELEASING, sa.func.hashtext(f"{course}/{name}"))
        connection.execute(sa.select(lock))


def assignment(connection: sa.Connection, course: str, name: str, *, lock: bool = False) -> Assignment:
    """Raises Refusal (`unknown_assignment`)."""
    row = row_of(connection, course, name, lock=lock)
    if row is None:
        raise unknown(course, name)
    return assignment_of(row)


def row_of(connection: sa.Connection, course: str, name: str, *, lock: bool = False) -> sa.Row[Any] | None:
    chosen = sa.select(tables.assignment).where(is_assignment(course, name))
    return connection.execute(chosen.with_for_update() if lock else chosen).one_or_none()


def attempt(connection: sa.Connection, number: str, *, lock: bool = False) -> Attempt:
    """Raises Refusal (`unknown_attempt`)."""
    chosen = sa.select(tables.attempt).where(tables.attempt.c.id == number)
    found = [*attempts_of(connection.execute(chosen.with_for_update() if lock else chosen))]
    if not found:
        raise unknown_attempt()
    return found[0]


def latest_feedback(connection: sa.Connection, attempts: Sequence[str], released_only: bool) -> dict[str, Feedback]:
    """What was given last, or released last, on each of these attempts; those without any are not named."""
    columns = tables.feedback.c
    found = {}
    for start in range(0, len(attempts), _MOST_AT_ONCE):
        some = attempts[start : start + _MOST_AT_ONCE]
        last = sa.select(sa.func.max(columns.id)).where(columns.attempt.in_(some)).group_by(columns.attempt)
        last = last.where(columns.released) if released_only else last
        for row in connection.execute(sa.select(tables.feedback).where(columns.id.in_(last))):
            found[row.attempt] = feedback_of(row)
    return found


def extension(connection: sa.Connection, course: str, name: str, student: str) -> Extension | None:
    row = connection.execute(sa.select(tables.extension).where(is_extension(course, name, student))).one_or_none()
    return None if row is None else extension_of(row)


def unknown_attempt() -> Refusal:
    """For an attempt that is not there, or not for whoever asks."""
    return Refusal("unknown_attempt", "There is no such attempt. Look at the list of attempts for its number.")


def unknown(course: str, name: str) -> Refusal:
    """For an assignment that is not there, or not for whoever asks."""
    return Refusal(
        "unknown_assignment",
        f"{course} hands out no assignment {name}. Check its name, or ask your instructor whether it was withdrawn.",
    )


def is_assignment(course: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(tables.assignment.c.course == course, tables.assignment.c.name == name)


def is_extension(course: str, name: str, student: str) -> sa.ColumnElement[bool]:
    columns = tables.extension.c
    return sa.and_(columns.course == course, columns.assignment == name, columns.student == student)


def of_student(course: str, name: str | None, student: str | None) -> list[sa.ColumnElement[bool]]:
    columns = tables.attempt.c
    wanted = ((columns.course, course), (columns.assignment, name), (columns.student, student))
    return [column == value for column, value in wanted if value is not None]
