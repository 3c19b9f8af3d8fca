"""Grading attempts again: asked for once, durable, and compared with what they had before.

A regrade is a row, with a row for each attempt that says what its result was then. Which job is to be done depends on
the course's suite, which the worker asks its grader for, and notes once. Jobs are enqueued after that, and again after
a crash: to ask for a job twice is to ask for it once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from assay import database
from assay.errors import CourseError, JobChanged, JobError, Refusal
from assay.exchange import rows, store
from assay.exchange.manifest import checked_name
from assay.exchange.records import Attempt
from assay.jobs import table
from assay.jobs.table import Job, changing, reading
from assay.serving.queue import REGRADED, first_round, round_of, version
from assay.serving.results import GradingResult, latest_done, read
from assay.serving.wake import wake
from assay.settings import CourseSettings, Settings

metadata = sa.MetaData()
regrade_table = sa.Table(
    "regrade",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("course", sa.Text, nullable=False, index=True),
    sa.Column("assignment", sa.Text, nullable=False),
    sa.Column("fresh_draws", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("asked", sa.Double, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("enqueued", sa.Boolean, nullable=False),
    sa.Column("reported", sa.Boolean, nullable=False),
)
member_table = sa.Table(
    "regrade_attempt",
    metadata,
    sa.Column("regrade", sa.ForeignKey("regrade.id"), primary_key=True),
    sa.Column("attempt", sa.String(40), primary_key=True),
    sa.Column("student", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),  # of the job; empty until that is known
    sa.Column("before", sa.Text, nullable=False),  # the result, see `results`; empty: there was none
)


@dataclass(frozen=True)
class Places:
    """The databases that regrading needs."""

    settings: Settings
    exchange: sa.Engine
    jobs: sa.Engine


@dataclass(frozen=True)
class Asked:
    """Which attempts are to be graded again, and how."""

    assignment: str | None = None
    student: str | None = None
    attempt: str | None = None
    fresh_draws: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Regrade:
    """A regrade as it was asked for."""

    id: str
    course: str
    assignment: str
    fresh_draws: bool
    reason: str
    asked: float  # seconds since the epoch
    by: str
    enqueued: bool
    reported: bool


@dataclass(frozen=True)
class Member:
    """One attempt of a regrade."""

    attempt: str
    student: str
    version: str  # of its job; empty until that is known
    before: GradingResult | None


def prepare(url: str) -> None:
    """Make the tables where there are none, in the database of jobs. Raises JobError."""
    database.opened(url, metadata, JobError).dispose()


def ask(places: Places, course: CourseSettings, asked: Asked, *, by: str) -> Regrade:
    """Have attempts graded again: one, or the latest of each student or of one, of an assignment.

    Raises Refusal (`unknown_attempt`, `unknown_assignment`, `bad_request`, `bad_name`).
    """
    attempts = _chosen(places.exchange, course, asked)
    number = secrets.token_hex(8)
    assignment = attempts[0].assignment if attempts else str(asked.assignment)
    found = table.of_subjects(places.jobs, course.grading, [one.id for one in attempts])
    row = {"id": number, "course": course.name, "assignment": assignment, "fresh_draws": asked.fresh_draws}
    row |= {"reason": asked.reason, "asked": time.time(), "by": by, "enqueued": False, "reported": False}
    with changing(places.jobs) as connection:
        connection.execute(regrade_table.insert().values(row))
        if attempts:
            members = [_member(number, one, found.get(one.id, ())) for one in attempts]
            connection.execute(member_table.insert(), members)
    wake(places.settings.home / "wake", course.grading)
    return find(places.jobs, course.name, number)


def enqueue_all(places: Places, course: CourseSettings, suite: Callable[[str], str]) -> bool:
    """Enqueue what was asked for and is not enqueued yet; whether there was anything. For the worker alone.

    suite: what decides how an assignment is graded now. Where that cannot be told because something is wrong with the
    course (CourseError), the attempts are graded again all the same, which will say so in each job.
    """
    columns = regrade_table.c
    left = sa.select(columns.id, columns.assignment).where(columns.course == course.name, sa.not_(columns.enqueued))
    with reading(places.jobs) as connection:
        rows = connection.execute(left.order_by(columns.asked)).all()
    for row in rows:
        regrade = find(places.jobs, course.name, row.id)
        if any(not one.version for one in members(places.jobs, regrade)):
            try:
                found = suite(row.assignment)
            except CourseError:
                found = f"regrade-{row.id}"
            _decide(places, course, regrade, found)
        _enqueue(places, course, regrade)
    return bool(rows)


def find(jobs: sa.Engine, course: str, number: str) -> Regrade:
    """Raises Refusal (`unknown_regrade`)."""
    for one in _rows(jobs, (regrade_table.c.course == course) & (regrade_table.c.id == number)):
        return one
    raise Refusal("unknown_regrade", f"There is no regrade {number} in {course}. Look at the list of regrades.")


def of_course(jobs: sa.Engine, course: str) -> tuple[Regrade, ...]:
    """All regrades of a course, the latest first."""
    return tuple(_rows(jobs, regrade_table.c.course == course))


def not_reported(jobs: sa.Engine, course: str) -> tuple[Regrade, ...]:
    """Those whose report has not been written."""
    return tuple(_rows(jobs, (regrade_table.c.course == course) & sa.not_(regrade_table.c.reported)))


def note_reported(jobs: sa.Engine, regrade: Regrade) -> None:
    """Its report is written."""
    _note(jobs, regrade.id, reported=True)


def members(jobs: sa.Engine, regrade: Regrade) -> tuple[Member, ...]:
    """Its attempts, by student."""
    columns = member_table.c
    chosen = sa.select(member_table).where(columns.regrade == regrade.id).order_by(columns.student, columns.attempt)
    with reading(jobs) as connection:
        rows = connection.execute(chosen).all()
    return tuple(
        Member(one.attempt, one.student, one.version, read(one.before) if one.before else None) for one in rows
    )


def _chosen(exchange: sa.Engine, course: CourseSettings, asked: Asked) -> Sequence[Attempt]:
    if asked.attempt is not None:
        attempt = store.find_attempt(exchange, asked.attempt)
        wanted = (asked.assignment or attempt.assignment, asked.student or attempt.student)
        if attempt.course != course.name or wanted != (attempt.assignment, attempt.student):
            raise rows.unknown_attempt()
        return [attempt]
    if asked.assignment is None:
        raise Refusal("bad_request", "Neither an assignment nor an attempt is named. Name one of them.")
    checked_name(asked.assignment, "an assignment")
    store.find_assignment(exchange, course.name, asked.assignment)
    latest = {
        one.student: one for one in store.attempts(exchange, course.name, asked.assignment, student=asked.student)
    }
    if asked.student is not None and not latest:
        raise Refusal("unknown_attempt", f"{asked.student} has not submitted {asked.assignment}. Check both names.")
    return [*latest.values()]  # attempts come by number: the last one of each student stays


def _member(number: str, attempt: Attempt, jobs: Sequence[Job]) -> dict[str, Any]:
    done = latest_done(jobs)
    before = "" if done is None else done.result
    return {"regrade": number, "attempt": attempt.id, "student": attempt.student, "version": "", "before": before}


def _decide(places: Places, course: CourseSettings, regrade: Regrade, suite: str) -> None:
    """Note which job is to be done for each attempt."""
    waiting = [one.attempt for one in members(places.jobs, regrade) if not one.version]
    found = table.of_subjects(places.jobs, course.grading, waiting)
    round = f"fresh-{regrade.id}" if regrade.fresh_draws else None
    columns = member_table.c
    with changing(places.jobs) as connection:
        for attempt in waiting:
            jobs = found.get(attempt, ())
            asked = round or _round(jobs) or first_round(store.find_attempt(places.exchange, attempt).submitted)
            this = (columns.regrade == regrade.id) & (columns.attempt == attempt)
            wanted = _wanted(jobs, suite, asked, regrade.id)
            connection.execute(member_table.update().where(this).values(version=wanted))


def _round(jobs: Sequence[Job]) -> str | None:
    """The draws with which an attempt was graded last, or is to be; None where neither is so."""
    done = latest_done(jobs)
    return read(done.result).round if done is not None else round_of(jobs[-1]) if jobs else None


def _wanted(jobs: Sequence[Job], suite: str, round: str, number: str) -> str:
    """The job that is to be done, by its version: a new one, unless there is one that does just that."""
    done = latest_done(jobs)
    if done is not None and _stands(read(done.result), suite, round):
        return done.version  # it was graded like that, whatever was asked for at first
    if jobs and jobs[-1].state != "done" and round_of(jobs[-1]) == round:
        return jobs[-1].version  # it waits, or failed: it is graded with the suite of then
    wanted = version(suite, round)
    # Done long ago, and since then with another suite?
    return f"{wanted}.{number}" if any(job.version == wanted for job in jobs) else wanted


def _stands(result: GradingResult, suite: str, round: str) -> bool:
    """Whether it would be the same with these: what broke may be mended, and who was late have more time."""
    return (result.suite, result.round) == (suite, round) and not (result.broken or result.late_penalty)


def _enqueue(places: Places, course: CourseSettings, regrade: Regrade) -> None:
    who = f"regrade {regrade.id}"
    for one in members(places.jobs, regrade):
        job = table.enqueue(places.jobs, course.grading, one.attempt, one.version, priority=REGRADED, who=who)
        if job.state == "failed":
            with suppress(JobChanged):  # somebody else did, meanwhile
                table.retry(places.jobs, job.id, who=who)
    _note(places.jobs, regrade.id, enqueued=True)


def _note(jobs: sa.Engine, number: str, **columns: bool) -> None:
    with changing(jobs) as connection:
        connection.execute(regrade_table.update().where(regrade_table.c.id == number).values(**columns))


def _rows(jobs: sa.Engine, which: sa.ColumnElement[bool]) -> Iterator[Regrade]:
    chosen = sa.select(regrade_table).where(which).order_by(regrade_table.c.asked.desc(), regrade_table.c.id)
    with reading(jobs) as connection:
        rows = connection.execute(chosen).all()
    for row in rows:
        names = ("id", "course", "assignment", "fresh_draws", "reason", "asked", "by", "enqueued", "reported")
        yield Regrade(**{name: getattr(row, name) for name in names})
