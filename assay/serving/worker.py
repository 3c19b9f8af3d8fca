"""The grading worker of one course: waits for attempts, grades them with everything warm, and keeps what comes of it.

It may be killed at any moment. The next one knows by a lock that it is the only one, takes over what was in hand, and
does it again from the beginning: a result is recorded once, when the job ends.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from assay.errors import AssayError
from assay.exchange import store
from assay.grading.judges import MOST
from assay.grading.rounds import suite_version
from assay.jobs import table
from assay.notebook.nbgrader_services import Services
from assay.serving import regrade_reports, regrades
from assay.serving.grading import Task, grade_together, is_being_graded, lease_some
from assay.serving.held import LEASE, held
from assay.serving.materials import Materials, opened
from assay.serving.older import clear_away
from assay.serving.processes import the_only
from assay.serving.queue import first_round, reconcile
from assay.serving.wake import wait, woken
from assay.settings import CourseSettings, Settings

LOOK = 1.0  # seconds after which a worker looks for jobs that nobody called it for, such as those after a pause
WARMING = 5.0  # seconds between two looks for what is released, so that nobody's submission is the first
RECONCILE = 60.0  # seconds; the exchange enqueues, this is for what a crash left
RECENT = timedelta(days=1)  # a day is longer than any upload
BUSY = 0.5  # seconds until the next look whether an `assay grade` has ended
log = logging.getLogger("assay.grading")


def run(settings: Settings, course: CourseSettings) -> None:
    """Work until KeyboardInterrupt. Raises what keeps a worker from starting at all."""
    with ExitStack() as stack:
        stack.enter_context(the_only(settings.home / "wake" / f"{course.grading}.lock"))
        pipe = stack.enter_context(woken(settings.home / "wake", course.grading))
        materials = stack.enter_context(opened(settings, course))
        services = stack.enter_context(closing(Services.of(materials.course)))
        table.take_over(materials.jobs, course.grading)
        clear_away(materials.course)
        log.info("%s grades %s", course.grading, course.root)
        worker = Worker(materials, services, settings.jobs or len(os.sched_getaffinity(0)))
        worker.recover(everything=True)
        while True:
            if not worker.work_or_wait():
                worker.idle()
                wait(pipe, LOOK)


@dataclass
class Worker:
    """One worker and what it remembers."""

    materials: Materials
    services: Services
    processes: int
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    warm: set[tuple[str, str, str]] = field(default_factory=set)  # round, exercise and suite that zygotes are there for
    looked: float = -WARMING  # monotonic
    recovered: float = 0.0  # monotonic

    def work_or_wait(self) -> bool:
        """As `work`; where a database fails, nothing is done for now."""
        try:
            return self.work()
        except (AssayError, OSError) as error:
            log.error("%s", error)
            return False

    def work(self) -> bool:
        """Grade what can be graded together next; whether there was anything."""
        while is_being_graded(self.materials.course):
            time.sleep(BUSY)
        tasks = lease_some(self.materials, self.name, LEASE, self.processes)
        if not tasks:
            return False
        started = time.monotonic()
        with held(self.materials.jobs, [task.job for task in tasks]):
            grade_together(self.materials, self.services, tasks, min(self.processes, len(tasks)))
        self._tell(tasks, time.monotonic() - started)
        self._guarded(lambda: regrade_reports.write_finished(self.materials))
        return True

    def idle(self) -> None:
        """What there is time for while nobody waits."""
        if time.monotonic() - self.looked > WARMING:
            self.looked = time.monotonic()
            self._guarded(self._warm_up)
        if time.monotonic() - self.recovered > RECONCILE:
            self.recover()

    def recover(self, *, everything: bool = False) -> None:
        """Enqueue what a crash kept from being enqueued."""
        self.recovered = time.monotonic()
        since = None if everything else datetime.now(UTC) - RECENT
        of = self.materials

        def enqueue() -> None:
            if lost := reconcile(of.exchange, of.jobs, of.of, since=since):
                log.warning("%d attempts had not been enqueued", lost)
            regrades.enqueue_all(of.places, of.of)
            regrade_reports.write_finished(of)

        self._guarded(enqueue)

    def _warm_up(self) -> None:
        """Start what grading today's attempts needs, for the assignments that students have now."""
        course, today = self.materials.course, first_round(datetime.now(UTC))
        released = [one.name for one in store.assignments(self.materials.exchange, course.name) if not one.withdrawn]
        names = [name for assignment in released for name in course.exercises_of(assignment)]
        exercises = {(today, name, suite_version(course[name])): course[name] for name in names[-MOST:]}
        cold = [exercise for key, exercise in exercises.items() if key not in self.warm]
        self.warm = set(exercises)
        if cold:
            warming = replace(self.services, round=today)
            threading.Thread(target=lambda: self._guarded(lambda: warming.prepare(cold)), daemon=True).start()

    def _guarded(self, action: Callable[[], object]) -> None:
        """What goes wrong beside grading is logged, and done again later."""
        try:
            action()
        except (AssayError, OSError) as error:
            log.error("%s", error)

    def _tell(self, tasks: tuple[Task, ...], seconds: float) -> None:
        for task in tasks:
            with suppress(AssayError):
                job = table.get(self.materials.jobs, task.job.id)
                said = f": {job.error}" if job.error else ""
                log.info("job %d, attempt %s, try %d: %s%s", job.id, job.subject, job.tries, job.state, said)
        log.info("%d graded together in %.2f s", len(tasks), seconds)
