"""The durable job table: what is to be done, who is at it, and what came of it.

A job is *waiting*, *leased* to a worker until a time, *done*, or *failed*. A worker whose lease has run out is taken
for lost and its job is leased again; whoever comes back after that is refused. So every part may be killed at any
moment. Jobs on one subject are done in the order in which they were asked for: it is left with the last of them. Every
change of state is one transaction, and leaves an event that is never changed. Everything here raises JobError where
the database fails.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, get_args

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from assay import database
from assay.errors import JobChanged, JobError
from assay.jobs.schema import (
    EVENT_COLUMNS,
    JOB_COLUMNS,
    Event,
    Job,
    State,
    What,
    event_of,
    event_table,
    free,
    job_of,
    metadata,
)
from assay.jobs.schema import job_table as jobs

__all__ = ["TRIES", "Event", "Job", "State", "enqueue", "fail", "finish", "get", "history", "in_state",
           "lease", "numbers", "of_subject", "of_subjects", "opened", "place", "put_back", "renew", "retry",
           "take_over"]  # fmt: skip

MOST_NAMED = 500  # in one question: SQLite has a limit
TRIES = 3  # a job is begun before its failures, which are ours, are shown to staff
FREE: dict[str, Any] = {"lease": "", "leased_until": 0.0}  # nobody is at it
AT_ONCE: dict[str, Any] = {"not_before": 0.0}
changing = partial(database.changing, error=JobError)
reading = partial(database.reading, error=JobError)


def opened(url: str) -> Engine:
    """The jobs behind the address of a database. Every process opens its own. Raises JobError."""
    return database.opened(url, metadata, JobError)


def enqueue(
    engine: Engine, kind: str, subject: str, version: str, *, priority: int = 0, who: str = "", now: float | None = None
) -> Job:
    """The job to do this; a new one only where there is none for the same kind, subject and version."""
    if (job := _find(engine, kind, subject, version)) is not None:
        return job
    at = _now(now)
    row = {"kind": kind, "subject": subject, "version": version, "priority": priority, "state": "waiting", "tries": 0}
    row |= FREE | AT_ONCE | {"worker": "", "result": "", "error": "", "created": at, "changed": at}
    try:
        with changing(engine) as connection:
            number = connection.execute(insert(jobs).values(row).returning(jobs.c.id)).scalar_one()
            _tell(connection, number, at, "enqueued", who)
            return _get(connection, number)
    except IntegrityError:  # another was faster between the look and the lock
        if (job := _find(engine, kind, subject, version)) is None:
            raise
        return job


def lease(
    engine: Engine,
    worker: str,
    seconds: float,
    *,
    kind: str | None = None,
    number: int | None = None,
    now: float | None = None,
) -> Job | None:
    """The next job, or the one of that number, which is this worker's for so many seconds; None where nothing is to
    be done.

    A job that was lost in its last try becomes a failed one on the way.
    """
    at = _now(now)
    wanted = free(at)
    if kind is not None:
        wanted &= jobs.c.kind == kind
    if number is not None:
        wanted &= jobs.c.id == number
    first = select(*JOB_COLUMNS).where(wanted).order_by(jobs.c.priority, jobs.c.id).limit(1)
    with changing(engine) as connection:
        while (row := connection.execute(first.with_for_update(skip_locked=True)).one_or_none()) is not None:
            job = job_of(row)
            if job.state == "leased":
                _tell(connection, job.id, at, "lost", job.worker, "its lease ran out")
            if job.tries < TRIES:
                held = {"result": "", "lease": secrets.token_hex(16), "leased_until": at + seconds, "worker": worker}
                _set(connection, jobs.c.id == job.id, at, state="leased", tries=job.tries + 1, **held)
                _tell(connection, job.id, at, "leased", worker, f"try {job.tries + 1}")
                return _get(connection, job.id)
            error = f"{job.worker} was lost at it in try {job.tries}." + (f" Before: {job.error}" if job.error else "")
            _set(connection, jobs.c.id == job.id, at, state="failed", error=error, **FREE)
            _tell(connection, job.id, at, "failed", job.worker, error)
    return None


def renew(engine: Engine, job: Job, seconds: float, *, now: float | None = None) -> None:
    """Keep a job for so many seconds from now. That is no event: it only says that the worker is alive.

    Raises JobChanged where the job is no longer this worker's: it was taken over, and need not be gone on with.
    """
    at = _now(now)
    with changing(engine) as connection:
        _set_mine(connection, job, at, leased_until=at + seconds)


def tell(engine: Engine, job: Job, result: str, *, now: float | None = None) -> None:
    """What is known of the result while the job goes on, for whoever waits for it. No event; gone where it is lost.

    Raises JobChanged where the job is no longer this worker's: nothing is recorded.
    """
    at = _now(now)
    with changing(engine) as connection:
        _set_mine(connection, job, at, result=result)


def finish(engine: Engine, job: Job, result: str, *, error: str = "", now: float | None = None) -> None:
    """The job is done, with that result, and with what staff should know of it nevertheless.

    Raises JobChanged where it is no longer this worker's: nothing is recorded. A lease that has run out still counts
    until another worker has the job, for then its work is not done in vain.
    """
    at = _now(now)
    with changing(engine) as connection:
        _set_mine(connection, job, at, state="done", result=result, error=error, **FREE)
        _tell(connection, job.id, at, "done", job.worker, error)


def fail(
    engine: Engine, job: Job, error: str, *, again: bool = True, pause: float = 0.0, now: float | None = None
) -> None:
    """Something of ours went wrong: the job is tried again, unless that is of no use or was done often enough, and
    not before a pause, in seconds.

    Raises JobChanged where it is no longer this worker's: nothing is recorded.
    """
    at = _now(now)
    over = not again or job.tries >= TRIES
    wait = at + pause if pause and not over else 0.0
    with changing(engine) as connection:
        _set_mine(connection, job, at, state="failed" if over else "waiting", error=error, not_before=wait, **FREE)
        _tell(connection, job.id, at, "failed" if over else "put back", job.worker, error)


def put_back(engine: Engine, job: Job, note: str, *, now: float | None = None) -> None:
    """The worker has to end, or cannot begin: the job is as if it had never been leased, but for its events.

    Raises JobChanged where it is no longer this worker's: nothing is recorded.
    """
    at = _now(now)
    with changing(engine) as connection:
        _set_mine(connection, job, at, state="waiting", tries=job.tries - 1, **FREE)
        _tell(connection, job.id, at, "put back", job.worker, note)


def take_over(engine: Engine, kind: str, *, now: float | None = None) -> None:
    """Whoever had jobs of a kind is known to be dead: whoever asks next gets them, without waiting for the leases."""
    at = _now(now)
    with changing(engine) as connection:
        theirs = (jobs.c.kind == kind) & (jobs.c.state == "leased")
        connection.execute(update(jobs).where(theirs).values(changed=at, leased_until=at - 1.0))


def retry(engine: Engine, number: int, *, who: str, now: float | None = None) -> Job:
    """Have a failed job tried again, from the beginning. Raises JobChanged where it has not failed."""
    at = _now(now)
    with changing(engine) as connection:
        failed = (jobs.c.id == number) & (jobs.c.state == "failed")
        changed = _set(connection, failed, at, state="waiting", tries=0, **AT_ONCE)
        job = _get(connection, number)
        if not changed:
            raise JobChanged(f"Job {number} is {job.state}. Only a job that has failed can be tried again.")
        _tell(connection, number, at, "retried", who)
        return job


def get(engine: Engine, number: int) -> Job:
    """A job by its number. Raises JobChanged where there is none."""
    with reading(engine) as connection:
        return _get(connection, number)


def of_subject(engine: Engine, kind: str, subject: str) -> tuple[Job, ...]:
    """All jobs that do this to a subject, the latest last."""
    return _all(engine, (jobs.c.kind == kind) & (jobs.c.subject == subject))


def of_subjects(engine: Engine, kind: str | None, subjects: Sequence[str]) -> Mapping[str, tuple[Job, ...]]:
    """All jobs that do this, or anything, to each of some subjects, the latest last; none for those without."""
    found: dict[str, tuple[Job, ...]] = {}
    for start in range(0, len(subjects), MOST_NAMED):
        wanted = jobs.c.subject.in_(subjects[start : start + MOST_NAMED])
        for job in _all(engine, wanted if kind is None else wanted & (jobs.c.kind == kind)):
            found[job.subject] = (*found.get(job.subject, ()), job)
    return found


def in_state(engine: Engine, state: State, *, kind: str | None = None, wrong: bool = False) -> tuple[Job, ...]:
    """All jobs in a state, or those in which something of ours went wrong, the oldest first."""
    which = jobs.c.state == state if kind is None else (jobs.c.state == state) & (jobs.c.kind == kind)
    return _all(engine, which & (jobs.c.error != "") if wrong else which)


def numbers(engine: Engine, kind: str) -> dict[str, int]:
    """How many jobs of a kind are in each state."""
    counted = select(jobs.c.state, func.count()).where(jobs.c.kind == kind).group_by(jobs.c.state)
    with reading(engine) as connection:
        return dict.fromkeys(get_args(State), 0) | {state: count for state, count in connection.execute(counted)}


def place(engine: Engine, number: int) -> int:
    """How many waiting jobs of its kind come before this one: 0 for the next, and for one that no longer waits.

    Those that are being done do not count. Raises JobChanged where there is no such job.
    """
    with reading(engine) as connection:
        job = _get(connection, number)
        if job.state != "waiting":
            return 0
        before = (jobs.c.priority < job.priority) | ((jobs.c.priority == job.priority) & (jobs.c.id < job.id))
        before &= (jobs.c.state == "waiting") & (jobs.c.kind == job.kind)
        counted = select(func.count()).select_from(jobs).where(before)
        return connection.execute(counted).scalar_one()


def history(engine: Engine, number: int) -> tuple[Event, ...]:
    """All that happened to a job, in order."""
    with reading(engine) as connection:
        of_job = select(*EVENT_COLUMNS).where(event_table.c.job == number).order_by(event_table.c.id)
        return tuple(map(event_of, connection.execute(of_job)))


def _now(now: float | None) -> float:
    return time.time() if now is None else now


def _find(engine: Engine, kind: str, subject: str, version: str) -> Job | None:
    same = (jobs.c.kind == kind) & (jobs.c.subject == subject) & (jobs.c.version == version)
    return next(iter(_all(engine, same)), None)


def _all(engine: Engine, which: ColumnElement[bool]) -> tuple[Job, ...]:
    with reading(engine) as connection:
        return tuple(map(job_of, connection.execute(select(*JOB_COLUMNS).where(which).order_by(jobs.c.id))))


def _get(connection: Connection, number: int) -> Job:
    row = connection.execute(select(*JOB_COLUMNS).where(jobs.c.id == number)).one_or_none()
    if row is None:
        raise JobChanged(f"There is no job {number}. Look for its number in the list of jobs.")
    return job_of(row)


def _set(connection: Connection, which: ColumnElement[bool], at: float, **columns: Any) -> bool:
    """Whether there was such a job to change."""
    return connection.execute(update(jobs).where(which).values(changed=at, **columns)).rowcount == 1


def _set_mine(connection: Connection, job: Job, at: float, **columns: Any) -> None:
    # The condition is part of the change, so that nobody can take the job over in between.
    mine = (jobs.c.id == job.id) & (jobs.c.state == "leased") & (jobs.c.lease == job.lease)
    if not _set(connection, mine, at, **columns):
        there = _get(connection, job.id)
        now = f"{there.worker} is at it" if there.state == "leased" else f"it is {there.state}"
        raise JobChanged(
            f"Job {job.id}, {job.kind} {job.subject}, is no longer {job.worker}'s: {now}. "
            "Nothing was recorded, and nothing needs to be done."
        )


def _tell(connection: Connection, number: int, at: float, what: What, who: str, note: str = "") -> None:
    row = {"job": number, "at": at, "what": what, "who": who, "note": note}
    connection.execute(insert(event_table).values(row))
