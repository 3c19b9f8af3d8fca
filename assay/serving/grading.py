"""Have a course's grader grade attempts, and keep what comes of each.

What counts is a student's latest attempt, as in nbgrader: an attempt is written to the gradebook unless a newer one
has been graded already. In whatever order jobs are done, be it after failures of ours or in a regrade, the gradebook
ends with the newest attempt that could be graded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from assay.errors import AssayError, CourseError, ExchangeError, JobChanged, JobError
from assay.exchange import store
from assay.exchange.records import Attempt
from assay.jobs import table
from assay.jobs.table import TRIES, Job
from assay.serving.answers import hearing
from assay.serving.grader_protocol import Ask, Begin, End, Grade, Graded, Told
from assay.serving.materials import Materials, give_feedback, laid_out
from assay.serving.queue import round_of
from assay.serving.results import GradingResult, for_staff, written

PAUSES = (2.0, 15.0)  # seconds before the next try, after the first and after the second failure of ours
MOST_EACH = 4  # attempts that are graded together, for each process
log = logging.getLogger("assay.grading")


@dataclass(frozen=True)
class Task:
    """A job that this worker has, and the attempt that it is about."""

    job: Job
    attempt: Attempt


def lease_some(materials: Materials, worker: str, seconds: float, processes: int) -> tuple[Task, ...]:
    """The next job, and those that wait and can be graded together with it; empty where there is nothing to do.

    Together: the same assignment and draws, other students, nothing that went wrong before. Raises ExchangeError and
    JobError; then those that were leased have failed.
    """
    kind = materials.of.grading
    first = table.lease(materials.jobs, worker, seconds, kind=kind)
    if first is None:
        return ()
    leased = [first]
    try:
        tasks = [Task(first, store.find_attempt(materials.exchange, first.subject))]
        if processes > 1 and first.tries == 1 and counts(materials, tasks[0].attempt):
            for job, attempt in _companions(materials, tasks[0], MOST_EACH * processes - 1):
                if (got := table.lease(materials.jobs, worker, seconds, kind=kind, number=job.id)) is not None:
                    leased.append(got)
                    tasks.append(Task(got, attempt))
    except Exception as error:  # nobody would renew these leases
        for job in leased:
            fail(materials, job, _said(error))
        raise
    return tuple(tasks)


def _companions(materials: Materials, first: Task, most: int) -> Iterator[tuple[Job, Attempt]]:
    students, like = {first.attempt.student}, (0, first.job.priority, round_of(first.job))
    waiting = table.in_state(materials.jobs, "waiting", kind=materials.of.grading)
    alike = [job for job in waiting if (job.tries, job.priority, round_of(job)) == like]
    for job in alike[: 4 * most]:
        if len(students) > most:
            return
        attempt = store.find_attempt(materials.exchange, job.subject)
        if attempt.assignment == first.attempt.assignment and attempt.student not in students:
            students.add(attempt.student)  # one that does not count is in the way of the student's others, too
            if counts(materials, attempt):
                yield job, attempt


def counts(materials: Materials, attempt: Attempt) -> bool:
    """Whether an attempt belongs in the gradebook: no newer one of the student has been graded."""
    theirs = store.attempts(materials.exchange, attempt.course, attempt.assignment, student=attempt.student)
    newer = [one.id for one in theirs if one.number > attempt.number]
    found = table.of_subjects(materials.jobs, materials.of.grading, newer)
    return not any(job.state == "done" for jobs in found.values() for job in jobs)


def grade_together(materials: Materials, ask: Ask, tasks: Sequence[Task], processes: int) -> None:
    """Have attempts of one assignment by different students graded, and end their jobs.

    What goes wrong on our side ends in the jobs. Raises what ends the worker.
    """
    first = tasks[0].attempt
    try:
        in_gradebook = counts(materials, first)
        ask(Begin(first.assignment, in_gradebook))
        _grade(materials, ask, tasks, processes, in_gradebook=in_gradebook)
    except Exception as error:
        for task in tasks:
            fail(materials, task.job, _said(error))


def _grade(materials: Materials, ask: Ask, tasks: Sequence[Task], processes: int, *, in_gradebook: bool) -> None:
    there = {}
    for task in tasks:
        try:
            ask(*laid_out(materials, task.attempt))
            there[task.attempt.student] = task
        except (CourseError, ExchangeError) as error:
            fail(materials, task.job, _said(error))
    if not there:
        ask(End())
        return
    round = round_of(tasks[0].job)

    def told(found: Told) -> None:
        job = there[found.student].job
        _record(job, lambda: table.tell(materials.jobs, job, found.text))

    def graded(found: Graded, pages: Sequence[bytes]) -> None:
        _keep(materials, there.pop(found.student), found, pages, round=round, in_gradebook=in_gradebook)

    ask(Grade(tuple(there), round, processes), hear=hearing(tuple(there), told, graded))
    for task in there.values():
        fail(materials, task.job, "The grader did not say what became of it.")


def _keep(
    materials: Materials, task: Task, graded: Graded, pages: Sequence[bytes], *, round: str, in_gradebook: bool
) -> None:
    """Feedback first, then the result, which ends the job: whoever sees the result finds its feedback."""
    try:
        if graded.error:
            fail(materials, task.job, graded.error)
            return
        result = result_of(graded, round=round, late=task.attempt.late, counts=in_gradebook)
        if result.broken and task.job.tries < TRIES:
            fail(materials, task.job, for_staff(result.broken))
            return
        give_feedback(materials, task.attempt, graded.pages, pages)
        text, trouble = written(result), for_staff(result.broken)
        _record(task.job, lambda: table.finish(materials.jobs, task.job, text, error=trouble))
    except (AssayError, OSError) as error:
        fail(materials, task.job, _said(error))


def result_of(graded: Graded, *, round: str, late: bool, counts: bool) -> GradingResult:
    """What is kept of what a grader said."""
    return GradingResult(
        suite=graded.suite,
        round=round,
        tasks=graded.tasks,
        late_penalty=graded.late_penalty,
        late=late,
        counts=counts,
        broken=graded.broken,
        warnings=graded.warnings,
        report=graded.report,
        seconds=graded.seconds,
    )


def fail(materials: Materials, job: Job, error: str) -> None:
    """Have a job tried again after a pause, or shown to staff."""
    pause = PAUSES[min(job.tries, len(PAUSES)) - 1]
    _record(job, lambda: table.fail(materials.jobs, job, error, pause=pause))


def _record(job: Job, change: Callable[[], None]) -> None:
    """Change a job, but not one that was taken over meanwhile: whoever has it now will say the same."""
    try:
        change()
    except JobChanged:
        pass
    except JobError as error:
        log.error("What came of job %d is not recorded, so it may be done again: %s", job.id, error)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
