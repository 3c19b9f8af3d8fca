"""Grade attempts with a course's own pipeline, as `assay grade` does, and keep what comes of each.

What counts is a student's latest attempt, as in nbgrader: an attempt is written to the gradebook unless a newer one
has been graded already. In whatever order jobs are done, be it after failures of ours or in a regrade, the gradebook
ends with the newest attempt that could be graded.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from assay.course import Course
from assay.errors import AssayError, JobError
from assay.exchange import store
from assay.exchange.records import Attempt
from assay.feedback.text import as_text
from assay.grading.judges import Judges
from assay.jobs import table
from assay.jobs.table import TRIES, Job
from assay.notebook.nbgrader_class import Result, grade_class
from assay.notebook.nbgrader_marks import suite_of
from assay.notebook.nbgrader_release import is_registered, release
from assay.notebook.nbgrader_services import Services
from assay.outcome import Report
from assay.serving.materials import Materials, give_feedback, lay_out
from assay.serving.older import beside
from assay.serving.queue import round_of
from assay.serving.results import for_staff, result_of, written

PAUSES = (2.0, 15.0)  # seconds before the next try, after the first and after the second failure of ours
MOST_EACH = 4  # attempts that are graded together, for each process


@dataclass(frozen=True)
class Task:
    """A job that this worker has, and the attempt that it is about."""

    job: Job
    attempt: Attempt


def lease_some(materials: Materials, worker: str, seconds: float, processes: int) -> tuple[Task, ...]:
    """The next job, and those that wait and can be graded together with it; empty where there is nothing to do.

    Together: the same assignment and draws, other students, nothing that went wrong before.
    """
    kind = materials.of.grading
    first = table.lease(materials.jobs, worker, seconds, kind=kind)
    if first is None:
        return ()
    tasks = [Task(first, store.find_attempt(materials.exchange, first.subject))]
    if processes > 1 and first.tries == 1 and counts(materials, tasks[0].attempt):
        for job, attempt in _companions(materials, tasks[0], MOST_EACH * processes - 1):
            if (got := table.lease(materials.jobs, worker, seconds, kind=kind, number=job.id)) is not None:
                tasks.append(Task(got, attempt))
    return tuple(tasks)


def _companions(materials: Materials, first: Task, most: int) -> Iterator[tuple[Job, Attempt]]:
    students = {first.attempt.student}
    for job in table.in_state(materials.jobs, "waiting", kind=materials.of.grading)[: 4 * most]:
        if len(students) > most:
            return
        if job.tries or job.priority != first.job.priority or round_of(job) != round_of(first.job):
            continue
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


def grade_together(materials: Materials, services: Services, tasks: Sequence[Task], processes: int) -> None:
    """Grade attempts of one assignment by different students, and end their jobs.

    What goes wrong on our side ends in the jobs. Raises what ends the worker.
    """
    first = tasks[0].attempt
    try:
        if counts(materials, first):
            course = materials.course
            if not is_registered(course, first.assignment):
                release(course, first.assignment)
            _grade_in(course, materials, services, tasks, processes, in_gradebook=True)
        else:
            with beside(materials.course, first.assignment) as course, Judges() as judges:  # whose folder goes away
                own = services if services.judges is None else replace(services, judges=judges)
                _grade_in(course, materials, own, tasks, processes, in_gradebook=False)
    except Exception as error:
        for task in tasks:
            fail(materials, task.job, _said(error))


def _grade_in(
    course: Course,
    materials: Materials,
    services: Services,
    tasks: Sequence[Task],
    processes: int,
    *,
    in_gradebook: bool,
) -> None:
    laid_out = []
    for task in tasks:
        try:
            lay_out(materials, course, task.attempt)
            laid_out.append(task)
        except AssayError as error:
            fail(materials, task.job, _said(error))
    if not laid_out:
        return
    assignment, round = laid_out[0].attempt.assignment, round_of(laid_out[0].job)
    suite = suite_of(materials.course, assignment)
    tell = _telling(materials, course, laid_out[0]) if len(laid_out) == 1 else None
    own = replace(services, course=course, round=round, tell=tell)
    graded = _results(course, assignment, laid_out, own, processes)
    for task in laid_out:
        _keep(materials, task, graded[task.attempt.student], suite=suite, round=round, in_gradebook=in_gradebook)


def _telling(materials: Materials, course: Course, task: Task) -> Callable[[str, Report], None]:
    """What shows a student who waits alone what the hidden checks found, a second before the feedback is written."""
    notebooks = course.exercises_of(task.attempt.assignment)
    found: dict[str, str] = {}

    def tell(_student: str, report: Report) -> None:
        found[report.assignment] = as_text(report, course[report.assignment].tasks)
        if not report.broken and len(found) == len(notebooks):
            with suppress(JobError):  # taken over meanwhile
                table.tell(materials.jobs, task.job, "\n".join(found[name] for name in notebooks))

    return tell


def _results(
    course: Course, assignment: str, tasks: Sequence[Task], services: Services, processes: int
) -> Mapping[str, Result]:
    students = [task.attempt.student for task in tasks]
    # Also what was recorded before a crash: the draws are not part of what `grade_class` would know it by.
    found = grade_class(course, assignment, students, force=True, jobs=processes, services=services)
    results = {result.student: result for result in found}
    excluded = "The course's configuration excludes this student (student_id_exclude)."
    return {name: results.get(name, Result(name, assignment, error=excluded)) for name in students}


def _keep(materials: Materials, task: Task, graded: Result, *, suite: str, round: str, in_gradebook: bool) -> None:
    """Feedback first, then the result, which ends the job: whoever sees the result finds its feedback."""
    try:
        if graded.error:
            fail(materials, task.job, graded.error)
            return
        result = result_of(graded, suite=suite, round=round, late=task.attempt.late, counts=in_gradebook)
        if result.broken and task.job.tries < TRIES:
            fail(materials, task.job, for_staff(result.broken))
            return
        give_feedback(materials, task.attempt, graded.feedback)
        with suppress(JobError):  # taken over meanwhile: whoever has it now will say the same
            table.finish(materials.jobs, task.job, written(result), error=for_staff(result.broken))
    except (AssayError, OSError) as error:
        fail(materials, task.job, _said(error))


def fail(materials: Materials, job: Job, error: str) -> None:
    """Have a job tried again after a pause, or shown to staff."""
    with suppress(JobError):  # taken over meanwhile
        table.fail(materials.jobs, job, error, pause=PAUSES[min(job.tries, len(PAUSES)) - 1])


def is_being_graded(course: Course) -> bool:
    """Whether somebody runs `assay grade` in the course: a worker waits for its end."""
    try:
        with open(course.lock) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
