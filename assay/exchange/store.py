"""Assignments, extensions, attempts and feedback in the database: what the exchange does, without HTTP.

Files are kept before a row names them, and outside of the transaction, so that nobody's change waits for a disk or an
object store. What the rules refuse is refused before, and decided once more with the row. So a crash, or a change of
the rules between the two, leaves files that nothing names, never a row without its files.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.errors import Refusal
from assay.exchange import rows, tables
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
from assay.exchange.rows import is_assignment, is_extension, of_student, unknown
from assay.exchange.tables import reading, writing

Rules = Policy | Callable[[Policy], Policy]  # new rules, or what becomes of those that are there


def release(engine: sa.Engine, course: str, name: str, rules: Rules, upload: Upload) -> Assignment:
    """Hand out an assignment, or hand it out anew with other files and other rules.

    Raises Refusal (`bad_name`) and what `rules` raises.
    """
    checked_name(course, "a course")
    checked_name(name, "an assignment")
    with reading(engine) as connection:
        _released_with(rules, rows.row_of(connection, course, name))
    upload.keep()
    with writing(engine) as connection:
        rows.lock_name(connection, course, name)
        before = rows.row_of(connection, course, name, lock=True)
        values = {"manifest": canonical(upload.manifest), "withdrawn": False, **_released_with(rules, before)}
        if before is None:
            connection.execute(tables.assignment.insert().values(course=course, name=name, **values))
        else:
            connection.execute(tables.assignment.update().where(is_assignment(course, name)).values(**values))
        return rows.assignment(connection, course, name)


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
        return rows.assignment(connection, course, name)


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
        rows.assignment(connection, course, name, lock=True)
        connection.execute(tables.extension.delete().where(is_extension(course, name, student)))
        key = {"course": course, "assignment": name, "student": student}
        connection.execute(tables.extension.insert().values(**key, **values))


def take_extension_back(engine: sa.Engine, course: str, name: str, student: str) -> bool:
    """Whether there was one."""
    with writing(engine) as connection:
        gone = connection.execute(tables.extension.delete().where(is_extension(course, name, student)))
        return gone.rowcount > 0


def find_extension(engine: sa.Engine, course: str, name: str, student: str) -> Extension | None:
    """The extension of one student, if any."""
    with reading(engine) as connection:
        return rows.extension(connection, course, name, student)


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
    with reading(engine) as connection:
        _next_attempt(connection, course, name, student, moment)
    upload.keep()
    files = upload.manifest
    with writing(engine) as connection:
        # The lock: two submissions at once get two numbers.
        number, late = _next_attempt(connection, course, name, student, moment, lock=True)
        taken = Attempt(uuid.uuid4().hex, course, name, student, number, moment, files, digest_of(files), late)
        connection.execute(tables.attempt.insert().values(attempt_values(taken)))
    return taken


def attempts(
    engine: sa.Engine, course: str, name: str | None = None, *, student: str | None = None
) -> tuple[Attempt, ...]:
    """The attempts at one assignment or at all, of one student or of all, by assignment, student and number."""
    columns = tables.attempt.c
    chosen = sa.select(tables.attempt).where(*of_student(course, name, student))
    with reading(engine) as connection:
        order = columns.assignment, columns.student, columns.number
        return tuple(attempts_of(connection.execute(chosen.order_by(*order))))


def attempts_used(engine: sa.Engine, course: str, student: str) -> Mapping[str, int]:
    """How often one student submitted, by assignment; those without an attempt are not named."""
    name = tables.attempt.c.assignment
    chosen = sa.select(name, sa.func.count()).where(*of_student(course, None, student)).group_by(name)
    with reading(engine) as connection:
        return {one: count for one, count in connection.execute(chosen)}


def find_attempt(engine: sa.Engine, attempt: str) -> Attempt:
    """Raises Refusal (`unknown_attempt`)."""
    with reading(engine) as connection:
        return rows.attempt(connection, attempt)


def give_feedback(engine: sa.Engine, attempt: str, upload: Upload, moment: datetime, *, released: bool) -> Feedback:
    """Feedback on an attempt, in place of what was given before. What was given last is not given twice.

    Raises Refusal (`unknown_attempt`).
    """
    given = Feedback(attempt, in_utc(moment), upload.manifest, released)
    with reading(engine) as connection:
        if (last := _given_last(connection, given)) is not None:
            return last
    upload.keep()
    with writing(engine) as connection:
        # The lock: of two that give the same at once, the second finds it given.
        if (last := _given_last(connection, given, lock=True)) is not None:
            return last
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
        return rows.latest_feedback(connection, attempts, released_only)


def feedback_history(engine: sa.Engine, attempt: str) -> tuple[Feedback, ...]:
    """All feedback that was ever given on an attempt, oldest first."""
    columns = tables.feedback.c
    chosen = sa.select(tables.feedback).where(columns.attempt == attempt).order_by(columns.id)
    with reading(engine) as connection:
        return tuple(feedback_of(row) for row in connection.execute(chosen))


def _change(engine: sa.Engine, course: str, name: str, values: Callable[[Policy], Mapping[str, Any]]) -> Assignment:
    with writing(engine) as connection:
        policy = rows.assignment(connection, course, name, lock=True).policy
        connection.execute(tables.assignment.update().where(is_assignment(course, name)).values(**values(policy)))
        return rows.assignment(connection, course, name)


def _new_policy(rules: Rules, before: Policy) -> Policy:
    return rules if isinstance(rules, Policy) else rules(before)


def _released_with(rules: Rules, before: sa.Row[Any] | None) -> Mapping[str, Any]:
    return policy_values(_new_policy(rules, Policy() if before is None else assignment_of(before).policy))


def _next_attempt(
    connection: sa.Connection, course: str, name: str, student: str, moment: datetime, *, lock: bool = False
) -> tuple[int, bool]:
    """Its number, and whether it is late. Raises Refusal."""
    assignment = rows.assignment(connection, course, name, lock=lock)
    if assignment.withdrawn:
        raise unknown(course, name)
    so_far = connection.execute(sa.select(sa.func.count()).where(*of_student(course, name, student))).scalar_one()
    verdict = judge_submission(assignment.policy, rows.extension(connection, course, name, student), moment, so_far)
    if isinstance(verdict, Refused):
        raise Refusal(verdict.code, verdict.reason)
    return so_far + 1, verdict.late


def _given_last(connection: sa.Connection, given: Feedback, *, lock: bool = False) -> Feedback | None:
    """What was given last, where that says the same. Raises Refusal where there is no such attempt."""
    rows.attempt(connection, given.attempt, lock=lock)
    last = rows.latest_feedback(connection, [given.attempt], False).get(given.attempt)
    same = last is not None and (last.files, last.released) == (given.files, given.released)
    return last if same else None
