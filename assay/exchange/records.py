"""What the exchange keeps, as frozen data, and how it lies in the rows of its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from assay.exchange.manifest import Manifest, canonical, read_manifest
from assay.exchange.moments import from_microseconds, microseconds
from assay.exchange.policy import Extension, Policy
from assay.exchange.receipts import Receipt

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Assignment:
    """One assignment of a course, as students get it."""

    course: str
    name: str
    policy: Policy
    files: Manifest
    withdrawn: bool


@dataclass(frozen=True)
class Attempt:
    """One submission of one student. Never changes."""

    id: str
    course: str
    assignment: str
    student: str
    number: int  # 1, 2, ... for this student and assignment
    submitted: datetime
    files: Manifest
    digest: str
    late: bool


@dataclass(frozen=True)
class Feedback:
    """What was written about an attempt."""

    attempt: str
    given: datetime
    files: Manifest
    released: bool  # shown to the student


@dataclass(frozen=True)
class State:
    """Where the grading of an attempt stands."""

    name: Literal["received", "queued", "grading", "checked", "graded", "failed"]
    place: int | None = None  # in the queue, from 0; None where it does not wait


def receipt_of(attempt: Attempt) -> Receipt:
    """What is to be signed for a student."""
    return Receipt(
        attempt.course,
        attempt.assignment,
        attempt.student,
        attempt.id,
        attempt.number,
        attempt.submitted,
        attempt.files,
    )


def policy_values(policy: Policy) -> dict[str, Any]:
    return {
        "release": None if policy.release is None else microseconds(policy.release),
        "due": None if policy.due is None else microseconds(policy.due),
        "grace": policy.grace // _MICROSECOND,
        "attempts": policy.attempts,
        "late": policy.late,
    }


def assignment_of(row: sa.Row[Any]) -> Assignment:
    policy = Policy(
        release=None if row.release is None else from_microseconds(row.release),
        due=None if row.due is None else from_microseconds(row.due),
        grace=row.grace * _MICROSECOND,
        attempts=row.attempts,
        late=row.late,
    )
    return Assignment(row.course, row.name, policy, read_manifest(row.manifest), row.withdrawn)


def extension_of(row: sa.Row[Any]) -> Extension:
    return Extension(row.student, from_microseconds(row.until), row.reason)


def attempt_values(attempt: Attempt) -> dict[str, Any]:
    kept = {
        name: getattr(attempt, name) for name in ("id", "course", "assignment", "student", "number", "digest", "late")
    }
    return kept | {"submitted": microseconds(attempt.submitted), "manifest": canonical(attempt.files)}


def attempts_of(rows: sa.Result[Any]) -> Iterator[Attempt]:
    for row in rows:
        yield Attempt(
            row.id,
            row.course,
            row.assignment,
            row.student,
            row.number,
            from_microseconds(row.submitted),
            read_manifest(row.manifest),
            row.digest,
            row.late,
        )


def feedback_of(row: sa.Row[Any]) -> Feedback:
    return Feedback(row.attempt, from_microseconds(row.given), read_manifest(row.manifest), row.released)
