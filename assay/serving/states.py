"""Where grading stands, for students: from jobs to the states of attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from assay.exchange.records import State
from assay.jobs import table
from assay.jobs.table import Job

_SOONEST = ("leased", "waiting", "failed", "done")


def states(jobs: sa.Engine, attempts: Sequence[str]) -> Mapping[str, State]:
    """The state of each attempt that has a job. Who has a result keeps it while the attempt is graded again."""
    found = table.of_subjects(jobs, None, attempts)
    return {attempt: _state(jobs, theirs) for attempt, theirs in found.items()}


def next_result(jobs: Sequence[Job]) -> Job:
    """Of the jobs on an attempt without a result, the one that its student waits for: a regrade may wait behind it."""
    return min(jobs, key=lambda job: (_SOONEST.index(job.state), job.priority, job.id))


def _state(engine: sa.Engine, jobs: tuple[Job, ...]) -> State:
    if any(job.state == "done" for job in jobs):
        return State("graded")
    first = next_result(jobs)
    if first.state == "waiting":
        return State("queued", table.place(engine, first.id))
    if first.state == "leased":
        return State("checked" if first.result else "grading")
    return State("failed")
