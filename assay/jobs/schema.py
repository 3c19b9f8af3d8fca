"""The two tables of jobs, and what a row of each is to the rest of Assay."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import (
    DDL,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
    event,
    exists,
)

from assay.database import Words

State = Literal["waiting", "leased", "done", "failed"]
What = Literal["enqueued", "leased", "lost", "put back", "done", "failed", "retried"]

metadata = MetaData()
job_table = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("version", String(200), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("lease", String(40), nullable=False),
    Column("leased_until", Double, nullable=False),
    Column("worker", String(200), nullable=False),
    Column("result", Words, nullable=False),
    Column("error", Words, nullable=False),
    Column("created", Double, nullable=False),
    Column("changed", Double, nullable=False),
    UniqueConstraint("kind", "subject", "version"),
    Index("job_next", "state", "priority", "id"),
    Index("job_subject", "subject"),
)
event_table = Table(
    "job_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job", ForeignKey("job.id"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("what", String(20), nullable=False),
    Column("who", String(200), nullable=False),
    Column("note", Words, nullable=False),
)


@dataclass(frozen=True)
class Job:
    """Something to be done, as it was when it was read."""

    id: int
    kind: str  # such as "grade"
    subject: str  # what it is done to, such as an attempt
    version: str  # of what it is done with, such as a suite and a round
    priority: int  # lower ones come first
    state: State
    tries: int  # how often it was begun
    not_before: float  # seconds since the epoch: a pause after something of ours went wrong
    lease: str  # the secret of whoever is at it; empty where nobody is
    leased_until: float  # seconds since the epoch
    worker: str  # who was at it last
    result: str
    error: str  # of ours, for staff; of a job that is done too
    created: float
    changed: float


@dataclass(frozen=True)
class Event:
    """Something that happened to a job."""

    at: float  # seconds since the epoch
    what: What
    who: str
    note: str


JOB_COLUMNS = [job_table.c[field.name] for field in fields(Job)]
EVENT_COLUMNS = [event_table.c[field.name] for field in fields(Event)]


def free(at: float) -> ColumnElement[bool]:
    """Which jobs a worker can have at that moment: on one subject, only the first that has not come to its end."""
    own, before = job_table.c, job_table.alias("before").c
    same = (before.kind == own.kind) & (before.subject == own.subject)
    later = exists().where(same, before.id < own.id, before.state.in_(("waiting", "leased")))
    waiting = (own.state == "waiting") & (own.not_before <= at)
    return ~later & (waiting | (own.state == "leased") & (own.leased_until < at))


def job_of(row: Row[Any]) -> Job:
    """The job in a row of JOB_COLUMNS."""
    return Job(**row._mapping)


def event_of(row: Row[Any]) -> Event:
    """The event in a row of EVENT_COLUMNS."""
    return Event(**row._mapping)


# The database itself refuses to change what happened, whichever program asks.
for _verb in ("UPDATE", "DELETE"):
    _refusal = f"""
        CREATE TRIGGER job_event_no_{_verb.lower()} BEFORE {_verb} ON job_event
        BEGIN SELECT RAISE(ABORT, 'what happened to a job is never changed'); END"""
    event.listen(event_table, "after_create", DDL(_refusal).execute_if(dialect="sqlite"))
_FUNCTION = """
    CREATE OR REPLACE FUNCTION job_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'what happened to a job is never changed'
    USING ERRCODE = 'integrity_constraint_violation'; END $$"""
_TRIGGER = """
    CREATE TRIGGER job_event_is_kept BEFORE UPDATE OR DELETE ON job_event
    FOR EACH ROW EXECUTE FUNCTION job_event_is_kept()"""
for _statement in (_FUNCTION, _TRIGGER):
    event.listen(event_table, "after_create", DDL(_statement).execute_if(dialect="postgresql"))
