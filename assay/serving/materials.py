"""What a worker needs of the server, opened once, and what it does with one attempt there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from assay.course import Course
from assay.exchange import store
from assay.exchange.blobs import Blobs, Upload, drop, open_blobs, read, stage
from assay.exchange.nbgrader_collected import note_due, write_attempt
from assay.exchange.records import Attempt
from assay.exchange.tables import open_database
from assay.jobs import table
from assay.notebook.nbgrader_release import quiet
from assay.notebook.nbgrader_release import settings as nbgrader_settings
from assay.serving import regrades
from assay.serving.regrades import Places
from assay.settings import CourseSettings, Settings

_LARGEST_PAGE = 2**30  # bytes: it is ours


@dataclass(frozen=True)
class Materials:
    """Open databases and files of one server, for one course."""

    settings: Settings
    of: CourseSettings
    exchange: sa.Engine
    blobs: Blobs
    jobs: sa.Engine

    @property
    def places(self) -> Places:
        return Places(self.settings, self.exchange, self.jobs)

    @property
    def course(self) -> Course:
        return Course(self.of.root, self.of.name)


@contextmanager
def opened(settings: Settings, course: CourseSettings) -> Iterator[Materials]:
    """Raises ExchangeError and JobError where something cannot be opened."""
    with open_database(settings.exchange_database) as exchange, open_blobs(settings.blobs) as blobs:
        jobs = table.opened(settings.jobs_database)
        try:
            regrades.prepare(settings.jobs_database)
            yield Materials(settings, course, exchange, blobs, jobs)
        finally:
            jobs.dispose()


def lay_out(materials: Materials, course: Course, attempt: Attempt) -> None:
    """The files of an attempt in submitted/ of a course, all at once, in place of those of another attempt; and in its
    gradebook until when it was in time.

    Raises ExchangeError.
    """
    contents = ((file.path, read(materials.blobs, file.sha256, file.size)) for file in attempt.files)
    assignment = store.find_assignment(materials.exchange, attempt.course, attempt.assignment)
    extension = store.find_extension(materials.exchange, attempt.course, attempt.assignment, attempt.student)
    write_attempt(course.submitted / attempt.student / attempt.assignment, attempt, contents)
    with quiet():
        note_due(nbgrader_settings(course, "")["coursedir"].db_url, attempt, assignment.policy, extension)


def give_feedback(materials: Materials, attempt: Attempt, pages: Sequence[Path]) -> None:
    """Keep the pages about an attempt; the student sees them at once where the course wants it.

    Given once more after a crash, the same pages are the same feedback. Raises ExchangeError.
    """
    staged = []
    try:
        for page in pages:
            staged.append((page.name, stage(materials.blobs, [page.read_bytes()], _LARGEST_PAGE)))
        upload = Upload(materials.blobs, tuple(staged))
        released = materials.of.feedback == "at once"
        store.give_feedback(materials.exchange, attempt.id, upload, datetime.now(UTC), released=released)
    finally:
        drop(one for _, one in staged)
