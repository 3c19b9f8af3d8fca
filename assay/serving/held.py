"""The jobs that a worker has in hand: kept while it is at them, given back when it has to end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from assay.errors import JobError
from assay.jobs import table
from assay.jobs.table import Job

LEASE = 60.0  # seconds; a worker on another machine that was lost is missed after that
RENEWED = 15.0  # seconds


@contextmanager
def held(engine: sa.Engine, jobs: Sequence[Job]) -> Iterator[None]:
    """Renew leases meanwhile. KeyboardInterrupt, which is how a worker is told to end, gives back what is not done."""
    over = threading.Event()
    keeping = threading.Thread(target=_keep, args=(engine, jobs, over), daemon=True)
    keeping.start()
    try:
        yield
    except KeyboardInterrupt:
        for job in jobs:
            with suppress(JobError):  # done, or somebody else's; else the next worker takes it over
                table.put_back(engine, job, "the worker was told to end")
        raise
    finally:
        over.set()
        keeping.join()


def _keep(engine: sa.Engine, jobs: Sequence[Job], over: threading.Event) -> None:
    while not over.wait(RENEWED):
        for job in jobs:
            with suppress(JobError):  # done, or somebody else's; what the database refuses now is tried again
                table.renew(engine, job, LEASE)
