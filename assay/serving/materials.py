"""What a worker needs of the server, opened once, and what it does with one attempt there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from assay.exchange import store
from assay.exchange.blobs import Blobs, Upload, drop, open_blobs, read, stage
from assay.exchange.moments import written
from assay.exchange.records import Attempt
from assay.exchange.tables import open_database
from assay.jobs import table
from assay.serving import regrades
from assay.serving.grader_protocol import LayOut
from assay.serving.regrades import Places
from assay.settings import CourseSettings, Settings


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


@contextmanager
def opened(settings: Settings, course: CourseSettings) -> Iterator[Materials]:
    """Raises ExchangeError and JobError where something cannot be opened."""
    kept = open_blobs(settings.blobs, settings.blob_store)
    with open_database(settings.exchange_database) as exchange, kept as blobs:
        jobs = table.opened(settings.jobs_database)
        try:
            regrades.prepare(settings.jobs_database)
            yield Materials(settings, course, exchange, blobs, jobs)
        finally:
            jobs.dispose()


def laid_out(materials: Materials, attempt: Attempt) -> tuple[LayOut, list[bytes]]:
    """What a grader has to know of an attempt, and its files. Raises ExchangeError."""
    files = [b"".join(read(materials.blobs, file.sha256, file.size)) for file in attempt.files]
    policy = store.find_assignment(materials.exchange, attempt.course, attempt.assignment).policy
    extension = store.find_extension(materials.exchange, attempt.course, attempt.assignment, attempt.student)
    request = LayOut(
        student=attempt.student,
        submitted=written(attempt.submitted),
        paths=tuple(file.path for file in attempt.files),
        due=None if policy.due is None else written(policy.due),
        grace=policy.grace.total_seconds(),
        until=None if extension is None else written(extension.until),
    )
    return request, files


def give_feedback(materials: Materials, attempt: Attempt, names: Sequence[str], pages: Sequence[bytes]) -> None:
    """Keep the pages about an attempt; the student sees them at once where the course wants it.

    Given once more after a crash, the same pages are the same feedback. Raises ExchangeError.
    """
    staged = []
    try:
        for name, page in zip(names, pages, strict=True):
            staged.append((name, stage(materials.blobs, [page], len(page))))
        upload = Upload(materials.blobs, tuple(staged))
        released = materials.of.feedback == "at once"
        store.give_feedback(materials.exchange, attempt.id, upload, datetime.now(UTC), released=released)
    finally:
        drop(one for _, one in staged)
