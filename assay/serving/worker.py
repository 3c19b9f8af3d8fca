"""The grading worker of one course: has attempts graded as they come, with everything warm, and keeps what came of it.

It has the server's databases at hand, so it runs nothing that lies in the course folder and follows nothing there: its
grader does, which is shut in with that folder and told what it needs.

It may be killed at any moment. The next one knows by a lock that it is the only one, takes over what was in hand, and
does it again from the beginning: a result is recorded once, when the job ends.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from assay.errors import AssayError
from assay.exchange import store
from assay.jobs import table
from assay.serving import regrade_reports, regrades
from assay.serving.asking import Grader
from assay.serving.connected import way_to_grader
from assay.serving.grader_protocol import Ask, Look, Suite, Warm
from assay.serving.grading import Task, grade_together, lease_some
from assay.serving.held import LEASE, held
from assay.serving.materials import Materials, opened
from assay.serving.processes import the_only
from assay.serving.queue import first_round, reconcile
from assay.serving.wake import wait, woken
from assay.settings import CourseSettings, Settings

LOOK = 1.0  # seconds after which a worker looks for jobs that nobody called it for, such as those after a pause
WARMING = 5.0  # seconds between two looks for what is released, so that nobody's submission is the first
RECONCILE = 60.0  # seconds; the exchange enqueues, this is for what a crash left
RECENT = timedelta(days=1)  # a day is longer than any upload
SELDOM = 60.0  # seconds between two lines of the log that say the same
BUSY = 0.5  # seconds until the next look whether an `assay grade` has ended
log = logging.getLogger("assay.grading")


def run(settings: Settings, course: CourseSettings) -> None:
    """Work until KeyboardInterrupt. Raises what keeps a worker from starting at all."""
    with ExitStack() as stack:
        stack.enter_context(the_only(settings.home / "wake" / f"{course.grading}.lock"))
        pipe = stack.enter_context(woken(settings.home / "wake", course.grading))
        materials = stack.enter_context(opened(settings, course))
        grader = stack.enter_context(Grader(course.name, way_to_grader(settings, course)))
        grader.start()
        table.take_over(materials.jobs, course.grading)
        log.info("%s grades %s", course.grading, course.root)
        worker = Worker(materials, grader.ask, settings.jobs or len(os.sched_getaffinity(0)))
        worker.recover(everything=True)
        while True:
            if not worker.work_or_wait():
                worker.idle()
                wait(pipe, LOOK)


@dataclass
class Worker:
    """One worker and what it remembers."""

    materials: Materials
    ask: Ask
    processes: int
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    looked: float = -WARMING  # monotonic
    recovered: float = 0.0  # monotonic
    everything: bool = False  # is to be looked through for what was not enqueued, however old
    said: dict[str, float] = field(default_factory=dict)  # of what went wrong: when, monotonic

    def work_or_wait(self) -> bool:
        """As `work`; where a database fails, nothing is done for now. What a crash left is looked for, too."""
        try:
            worked = self.work()
        except (AssayError, OSError) as error:
            self._say(error)
            worked = False
        if time.monotonic() - self.recovered > RECONCILE:
            self.recover()
        return worked

    def work(self) -> bool:
        """Grade what can be graded together next; whether there was anything."""
        if self.ask(Look()):
            log.info("Somebody else grades %s now: what is submitted waits for the end.", self.materials.of.root)
            while self.ask(Look()):
                time.sleep(BUSY)
        tasks = lease_some(self.materials, self.name, LEASE, self.processes)
        if not tasks:
            return self._regrade()
        started = time.monotonic()
        with held(self.materials.jobs, [task.job for task in tasks]):
            grade_together(self.materials, self.ask, tasks, min(self.processes, len(tasks)))
        self._tell(tasks, time.monotonic() - started)
        self._guarded(lambda: regrade_reports.write_finished(self.materials, self.ask))
        return True

    def idle(self) -> None:
        """What there is time for while nobody waits."""
        if time.monotonic() - self.looked > WARMING:
            self.looked = time.monotonic()
            self._guarded(self._warm_up)

    def recover(self, *, everything: bool = False) -> None:
        """Enqueue what a crash kept from being enqueued."""
        self.recovered = time.monotonic()
        self.everything |= everything
        of = self.materials

        def enqueue() -> None:
            since = None if self.everything else datetime.now(UTC) - RECENT
            if lost := reconcile(of.exchange, of.jobs, of.of, since=since):
                log.warning("%d attempts had not been enqueued", lost)
            self.everything = False
            self._regrade()
            regrade_reports.write_finished(of, self.ask)

        self._guarded(enqueue)

    def _regrade(self) -> bool:
        """Enqueue what staff asked for; whether there was anything."""
        of = self.materials
        asked = regrades.enqueue_all(of.places, of.of, lambda assignment: self.ask(Suite(assignment)))
        if asked:  # perhaps nothing is to be done
            self._guarded(lambda: regrade_reports.write_finished(of, self.ask))
        return asked

    def _warm_up(self) -> None:
        """Start what grading today's attempts needs, for the assignments that students have now."""
        of = self.materials
        released = [one.name for one in store.assignments(of.exchange, of.of.name) if not one.withdrawn]
        self.ask(Warm(first_round(datetime.now(UTC)), tuple(released)))

    def _guarded(self, action: Callable[[], object]) -> None:
        """What goes wrong beside grading is logged, and done again later."""
        try:
            action()
        except (AssayError, OSError) as error:
            self._say(error)

    def _say(self, error: Exception) -> None:
        """What fails is tried again every second or so: the same is said again once a minute."""
        now = time.monotonic()
        self.said = {text: at for text, at in self.said.items() if now - at < SELDOM}
        if str(error) not in self.said:
            self.said[str(error)] = now
            log.error("%s", error)

    def _tell(self, tasks: tuple[Task, ...], seconds: float) -> None:
        for task in tasks:
            with suppress(AssayError):
                job = table.get(self.materials.jobs, task.job.id)
                said = f": {job.error}" if job.error else ""
                log.info("job %d, attempt %s, try %d: %s%s", job.id, job.subject, job.tries, job.state, said)
        log.info("%d graded together in %.2f s", len(tasks), seconds)
