"""From attempts in the exchange to jobs in the table.

An attempt is recorded first and enqueued then. A crash between the two loses nothing: whoever reconciles next finds
attempts without a job. To ask for a job twice is to ask for it once.

The suite with which an attempt is graded at first is not part of its job: whoever enqueues cannot read the course. It
stands in the result.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from assay.exchange import tables
from assay.exchange.moments import from_microseconds, microseconds
from assay.exchange.records import Attempt
from assay.exchange.tables import reading
from assay.grading.rounds import round_name
from assay.jobs import table
from assay.jobs.table import Job
from assay.settings import CourseSettings

SUBMITTED, REGRADED = 0, 10  # priorities: nobody who submits waits for a regrade
FIRST = "submitted"  # in the place of a suite, in the job that each attempt has first


def version(suite: str, round: str) -> str:
    """What a job is done with. Jobs on an attempt differ in nothing else."""
    return f"{suite}.{round}"


def round_of(job: Job) -> str:
    """The round of draws that a job asks for."""
    return job.version.split(".")[1]


def first_round(submitted: datetime) -> str:
    """The round in which an attempt is graded at first: that of the day on which it was submitted, in UTC.

    So asking again asks for the same, and who submits many times a day learns of one draw only.
    """
    return round_name(submitted.astimezone(UTC).date())


def enqueue(jobs: sa.Engine, course: CourseSettings, attempt: Attempt, *, who: str = "exchange") -> Job:
    """Have an attempt graded, unless that was asked for before. Raises JobError."""
    for job in table.of_subject(jobs, course.grading, attempt.id):
        return job  # it may have another version: one of before a suite was left out of it
    return _enqueue(jobs, course, attempt.id, attempt.submitted, who)


def reconcile(exchange: sa.Engine, jobs: sa.Engine, course: CourseSettings, *, since: datetime | None = None) -> int:
    """Enqueue the attempts of a course, submitted since then or ever, that have no job. Returns how many."""
    columns = tables.attempt.c
    chosen = sa.select(columns.id, columns.submitted).where(columns.course == course.name)
    if since is not None:
        chosen = chosen.where(columns.submitted >= microseconds(since))
    with reading(exchange) as connection:
        rows = connection.execute(chosen.order_by(columns.submitted, columns.number)).all()
    there = table.of_subjects(jobs, course.grading, [row.id for row in rows])
    lost = [row for row in rows if row.id not in there]
    for row in lost:
        _enqueue(jobs, course, row.id, from_microseconds(row.submitted), "reconciled")
    return len(lost)


def _enqueue(jobs: sa.Engine, course: CourseSettings, attempt: str, submitted: datetime, who: str) -> Job:
    asked = version(FIRST, first_round(submitted))
    return table.enqueue(jobs, course.grading, attempt, asked, priority=SUBMITTED, who=who)
