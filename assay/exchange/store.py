"""Assignments, extensions, attempts and feedback in the database: what the exchange does, without HTTP.

Files are kept before a row names them, and both happen inside of one transaction. A crash between the two leaves files
that nothing names, never a row without its files.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.errors import Refusal
from assay.exchange import tables
from assay.exchange.blobs import Upload
from assay.exchange.manifest import canonical, checked_name, digest_of
from assay.exchange.moments import in_utc, microseconds
from assay.exchange.policy import Extension, Policy, Refused, judge_submission
from assay.exchange.records import (
    Assignment,
    Attempt,
    Feedback,
    assignment_of,
    attempt_values,
    attempts_of,
    extension_of,
    feedback_of,
    policy_values,
)
from assay.exchange.tables import reading, writing

Rules = Policy | Callable[[Policy], Policy]  # new rules, or what becomes of those that are there
_MOST_AT_ONCE = 500  # values in one query; SQLite takes some thousands


def release(engine: sa.Engine, course: str, name: str, rules: Rules, upload: Upload) -> Assignment:
    """Hand out an assignment, or hand it out anew with other files and other rules.

    Raises Refusal (`bad_name`) and what `rules` raises.
    """
    checked_name(course, "a course")
    checked_name(name, "an assignment")
    values = {"manifest": canonical(upload.manifest), "withdrawn": False}
    with writing(engine) as connection:
        _lock_all_assignments(connection)
        before = _row_of(connection, course, name)
        values |= policy_values(_new_policy(rules, Policy() if before is None else assignment_of(before).policy))
        upload.keep()
        if before is None:
            connection.execute(tables.assignment.insert().values(course=course, name=name, **values))
        else:
            connection.execute(tables.assignment.update().where(_is_assignment(course, name)).values(**values))
        return _assignment(connection, course, name)


def change_policy(engine: sa.Engine, course: str, name: str, rules: Rules) -> Assignment:
    """Give an assignment other rules, for what is submitted from now on.

    Raises Refusal (`unknown_assignment`) and what `rules` raises.
    """
    return _change(engine, course, name, lambda before: policy_values(_new_policy(rules, before)))


def withdraw(engine: sa.Engine, course: str, name: str) -> Assignment:
    """Take an assignment back: no fetching, no submitting. What was submitted stays.

    Raises Refusal (`unknown_assignment`).
    """
    return _change(engine, course, name, lambda _policy: {"withdrawn": True})


def find_assignment(engine: sa.Engine, course: str, name: str) -> Assignment:
    """Withdrawn or not. Raises Refusal (`unknown_assignment`)."""
    with reading(engine) as connection:
        return _assignment(connection, course, name)


def assignments(engine: sa.Engine, course: str) -> tuple[Assignment, ...]:
    """All assignments of a course by name, withdrawn ones too."""
    chosen = sa.select(tables.assignment).where(tables.assignment.c.course == course)
    with reading(engine) as connection:
        return tuple(assignment_of(row) for row in connection.execute(chosen.order_by(tables.assignment.c.name)))


def extend(engine: sa.Engine, course: str, name: str, extension: Extension) -> None:
    """Give one student more time, in place of what was given before; also before anything was submitted.

    Raises Refusal (`unknown_assignment`, `bad_name`).
    """
    student = checked_name(extension.student, "a student")
    values = {"until": microseconds(extension.until), "reason": extension.reason}
    with writing(engine) as connection:
        _assignment(connection, course, name, lock=True)
        connection.execute(tables.extension.delete().where(_is_extension(course, name, student)))
        key = {"course": course, "assignment": name, "student": student}
        connection.execute(tables.extension.insert().values(**key, **values))


def take_extension_back(engine: sa.Engine, course: str, name: str, student: str) -> bool:
    """Whether there was one."""
    with writing(engine) as connection:
        gone = connection.execute(tables.extension.delete().where(_is_extension(course, name, student)))
        return gone.rowcount > 0


def find_extension(engine: sa.Engine, course: str, name: str, student: str) -> Extension | None:
    """The extension of one student, if any."""
    with reading(engine) as connection:
        return _extension(connection, course, name, student)


def extensions(engine: sa.Engine, course: str, name: str) -> tuple[Extension, ...]:
    """All extensions of an assignment, by student."""
    columns = tables.extension.c
    chosen = sa.select(tables.extension).where(columns.course == course, columns.assignment == name)
    with reading(engine) as connection:
        return tuple(extension_of(row) for row in connection.execute(chosen.order_by(columns.student)))


def extensions_of(engine: sa.Engine, course: str, student: str) -> Mapping[str, Extension]:
    """The extensions of one student, by assignment."""
    columns = tables.extension.c
    chosen = sa.select(tables.extension).where(columns.course == course, columns.student == student)
    with reading(engine) as connection:
        return {row.assignment: extension_of(row) for row in connection.execute(chosen)}


def submit(engine: sa.Engine, course: str, name: str, student: str, upload: Upload, moment: datetime) -> Attempt:
    """Take a submission that arrived at `moment`, or raise Refusal (`unknown_assignment`, `bad_name`, or a code of
    the policy); then nothing of it is kept.

    `moment` is the caller's, so that waiting for the database makes nobody late.
    """
    checked_name(student, "a student")
    moment = in_utc(moment)
    with writing(engine) as connection:
        assignment = _assignment(connection, course, name, lock=True)  # two submissions at once get two numbers
        if assignment.withdrawn:
            raise unknown(course, name)
        so_far = connection.execute(sa.select(sa.func.count()).where(*_of_student(course, name, student))).scalar_one()
        extension = _extension(connection, course, name, student)
        verdict = judge_submission(assignment.policy, extension, moment, so_far)
        if isinstance(verdict, Refused):
            raise Refusal(verdict.code, verdict.reason)
        files = upload.manifest
        taken = Attempt(
            uuid.uuid4().hex, course, name, student, so_far + 1, moment, files, digest_of(files), verdict.late
        )
        upload.keep()
        connection.execute(tables.attempt.insert().values(attempt_values(taken)))
    return taken


def attempts(
    engine: sa.Engine, course: str, name: str | None = None, *, student: str | None = None
) -> tuple[Attempt, ...]:
    """The attempts at one assignment or at all, of one student or of all, by assignment, student and number."""
    columns = tables.attempt.c
    chosen = sa.select(tables.attempt).where(*_of_student(course, name, student))
    with reading(engine) as connection:
        order = columns.assignment, columns.student, columns.number
        return tuple(attempts_of(connection.execute(chosen.order_by(*order))))


def attempts_used(engine: sa.Engine, course: str, student: str) -> Mapping[str, int]:
    """How often one student submitted, by assignment; those without an attempt are not named."""
    name = tables.attempt.c.assignment
    chosen = sa.select(name, sa.func.count()).where(*_of_student(course, None, student)).group_by(name)
    with reading(engine) as connection:
        return {one: count for one, count in connection.execute(chosen)}


def find_attempt(engine: sa.Engine, attempt: str) -> Attempt:
    """Raises Refusal (`unknown_attempt`)."""
    with reading(engine) as connection:
        return _attempt(connection, attempt)


def give_feedback(engine: sa.Engine, attempt: str, upload: Upload, moment: datetime, *, released: bool) -> Feedback:
    """Feedback on an attempt, in place of what was given before. What was given last is not given twice.

    Raises Refusal (`unknown_attempt`).
    """
    given = Feedback(attempt, in_utc(moment), upload.manifest, released)
    with writing(engine) as connection:
        _attempt(connection, attempt)
        last = _latest_feedback(connection, [attempt], False).get(attempt)
        if last is not None and (last.files, last.released) == (given.files, released):
            return last
        upload.keep()
        values = {"attempt": attempt, "given": microseconds(moment), "released": released}
        connection.execute(tables.feedback.insert().values(manifest=canonical(given.files), **values))
    return given


def find_feedback(engine: sa.Engine, attempt: str, *, released_only: bool = False) -> Feedback | None:
    """What was given last, or released last, if anything."""
    return latest_feedback(engine, [attempt], released_only=released_only).get(attempt)


def latest_feedback(
    engine: sa.Engine, attempts: Sequence[str], *, released_only: bool = False
) -> Mapping[str, Feedback]:
    """What was given last, or released last, on each of these attempts; those without any are not named."""
    with reading(engine) as connection:
        return _latest_feedback(connection, attempts, released_only)


def feedback_history(engine: sa.Engine, attempt: str) -> tuple[Feedback, ...]:
    """All feedback that was ever given on an attempt, oldest first."""
    columns = tables.feedback.c
    chosen = sa.select(tables.feedback).where(columns.attempt == attempt).order_by(columns.id)
    with reading(engine) as connection:
        return tuple(feedback_of(row) for row in connection.execute(chosen))


def _change(engine: sa.Engine, course: str, name: str, values: Callable[[Policy], Mapping[str, Any]]) -> Assignment:
    with writing(engine) as connection:
        policy = _assignment(connection, course, name, lock=True).policy
        connection.execute(tables.assignment.update().where(_is_assignment(course, name)).values(**values(policy)))
        return _assignment(connection, course, name)


def _new_policy(rules: Rules, before: Policy) -> Policy:
    return rules if isinstance(rules, Policy) else rules(before)


def _lock_all_assignments(connection: sa.Connection) -> None:
    """Of two that release an assignment at once, the second sees what the first did. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE assignment IN SHARE ROW EXCLUSIVE MODE"))


def _assignment(connection: sa.Connection, course: str, name: str, *, lock: bool = False) -> Assignment:
    row = _row_of(connection, course, name, lock=lock)
    if row is None:
        raise unknown(course, name)
    return assignment_of(row)


def _row_of(connection: sa.Connection, course: str, name: str, *, lock: bool = False) -> sa.Row[Any] | None:
    chosen = sa.select(tables.assignment).where(_is_assignment(course, name))
    return connection.execute(chosen.with_for_update() if lock else chosen).one_or_none()


def _attempt(connection: sa.Connection, attempt: str) -> Attempt:
    found = [*attempts_of(connection.execute(sa.select(tables.attempt).where(tables.attempt.c.id == attempt)))]
    if not found:
        raise unknown_attempt()
    return found[0]


def _latest_feedback(connection: sa.Connection, attempts: Sequence[str], released_only: bool) -> dict[str, Feedback]:
    columns = tables.feedback.c
    found = {}
    for start in range(0, len(attempts), _MOST_AT_ONCE):
        some = attempts[start : start + _MOST_AT_ONCE]
        last = sa.select(sa.func.max(columns.id)).where(columns.attempt.in_(some)).group_by(columns.attempt)
        last = last.where(columns.released) if released_only else last
        for row in connection.execute(sa.select(tables.feedback).where(columns.id.in_(last))):
            found[row.attempt] = feedback_of(row)
    return found


def _extension(connection: sa.Connection, course: str, name: str, student: str) -> Extension | None:
    row = connection.execute(sa.select(tables.extension).where(_is_extension(course, name, student))).one_or_none()
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


def _is_assignment(course: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(tables.assignment.c.course == course, tables.assignment.c.name == name)


def _is_extension(course: str, name: str, student: str) -> sa.ColumnElement[bool]:
    columns = tables.extension.c
    return sa.and_(columns.course == course, columns.assignment == name, columns.student == student)


def _of_student(course: str, name: str | None, student: str | None) -> list[sa.ColumnElement[bool]]:
    columns = tables.attempt.c
    wanted = ((columns.course, course), (columns.assignment, name), (columns.student, student))
    return [column == value for column, value in wanted if value is not None]
