"""What a grader does in its course folder, as the worker asks: with a course's own pipeline, as `assay grade` does."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from assay.course import Course, Exercise
from assay.errors import AssayError, AuthoringError, CourseError
from assay.exchange.moments import read_moment
from assay.exchange.nbgrader_collected import note_due, write_attempt
from assay.exchange.policy import Extension, Policy
from assay.exchange.records import Attempt
from assay.feedback.text import as_text
from assay.grading.judges import MOST, Judges
from assay.grading.rounds import suite_version
from assay.notebook.nbgrader_class import Result, grade_class
from assay.notebook.nbgrader_marks import suite_of
from assay.notebook.nbgrader_release import is_registered, quiet, release
from assay.notebook.nbgrader_release import settings as nbgrader_settings
from assay.notebook.nbgrader_services import Services
from assay.outcome import Report, to_json
from assay.serving.answers import MOST_PAGES, MOST_SAID, MOST_TOLD
from assay.serving.frames import fits
from assay.serving.grader_protocol import (
    Answer,
    Begin,
    Done,
    End,
    Failed,
    Grade,
    Graded,
    KeepReport,
    LayOut,
    Look,
    Request,
    Suite,
    Told,
    Warm,
)
from assay.serving.longest import longest
from assay.serving.older import beside
from assay.serving.results import BrokenCheck, TaskResult

log = logging.getLogger("assay.grader")


class Send(Protocol):
    """What takes an answer, and its files."""

    def __call__(self, answer: Answer, files: Sequence[bytes] = ()) -> None: ...


@dataclass(frozen=True)
class Begun:
    """Where attempts of an assignment are graded: the course itself, or a copy of it."""

    assignment: str
    course: Course
    services: Services


class Grader:
    """One course, and what is warm for it."""

    def __init__(self, course: Course, services: Services) -> None:
        self.course, self.services = course, services
        self._begun: Begun | None = None
        self._undo = ExitStack()
        self._warm: set[tuple[str, str, str]] = set()  # round, exercise and suite that zygotes were started for

    def answer(self, request: Request, files: Sequence[bytes], send: Send) -> None:
        """Do what is asked; what goes wrong is answered. Raises KeyboardInterrupt, and what `send` raises."""
        try:
            text = self._done(request, files, send)
        except Exception as error:
            send(Failed(_said(error)))
        else:
            send(Done(text))

    def close(self) -> None:
        """Leave nothing of what was begun."""
        self._begun = None
        self._undo.close()

    def _done(self, request: Request, files: Sequence[bytes], send: Send) -> str:
        match request:
            case Look():
                return "busy" if is_being_graded(self.course) else ""
            case Suite(assignment):
                return suite_of(self.course, assignment)
            case Warm():
                self._warm_up(request)
            case KeepReport(number):
                for ending, content in zip(("json", "html"), files, strict=True):
                    _write(self.course.regrade(number, ending), content)
            case Begin():
                self._begin(request)
                return str(
                    longest(
                        self.course, request.assignment, self.services.stock_limits, len(self.services.gpus.numbers)
                    )
                )
            case LayOut():
                begun = self._there()
                lay_out(begun.course, begun.assignment, request, files)
            case Grade():
                try:
                    self._grade(self._there(), request, send)
                finally:
                    self.close()
            case End():
                self.close()
        return ""

    def _there(self) -> Begun:
        if self._begun is None:
            raise CourseError("Nothing was begun. Begin an assignment first.")
        return self._begun

    def _begin(self, request: Begin) -> None:
        self.close()
        course, services = self.course, self.services
        if not request.in_gradebook:
            course = self._undo.enter_context(beside(self.course, request.assignment))
            if services.judges is not None:  # whose folder goes away
                services = replace(services, judges=self._undo.enter_context(Judges()))
        elif not is_registered(course, request.assignment):
            release(course, request.assignment)
        self._begun = Begun(request.assignment, course, services)

    def _grade(self, begun: Begun, request: Grade, send: Send) -> None:
        suite = suite_of(self.course, begun.assignment)
        own = replace(begun.services, course=begun.course, round=request.round)
        if len(request.students) == 1:
            own = replace(own, tell=_telling(begun, send), at_once=len(os.sched_getaffinity(0)) > 1)
        # Also what was recorded before a crash: the draws are not part of what `grade_class` would know it by.
        found = grade_class(
            begun.course, begun.assignment, request.students, force=True, jobs=request.processes, services=own
        )
        results = {result.student: result for result in found}
        excluded = "The course's configuration excludes this student (student_id_exclude)."
        for name in request.students:
            result = results.get(name, Result(name, begun.assignment, error=excluded))
            send(*_graded(result, suite))

    def _warm_up(self, request: Warm) -> None:
        course = self.course
        names = [name for assignment in request.assignments for name in course.exercises_of(assignment)]
        exercises = {}
        for name in names[-MOST:]:
            with suppress(AuthoringError):  # which grading will say
                exercises[request.round, name, suite_version(course[name])] = course[name]
        cold = [exercise for key, exercise in exercises.items() if key not in self._warm]
        self._warm = set(exercises)
        if cold:
            warming = replace(self.services, round=request.round)
            threading.Thread(target=_prepare, args=(warming, cold), daemon=True).start()


def lay_out(course: Course, assignment: str, request: LayOut, files: Sequence[bytes]) -> None:
    """The files of an attempt in submitted/ of a course, all at once, in place of those of another attempt; and in its
    gradebook until when it was in time.

    Raises ExchangeError and GradebookError.
    """
    submitted = read_moment(request.submitted)
    attempt = Attempt("", course.name, assignment, request.student, 0, submitted, (), "", False)
    due = None if request.due is None else read_moment(request.due)
    policy = Policy(due=due, grace=timedelta(seconds=request.grace))
    extension = None if request.until is None else Extension(request.student, read_moment(request.until))
    contents = zip(request.paths, ([content] for content in files), strict=True)
    write_attempt(course.submitted / request.student / assignment, attempt, contents)
    with quiet():
        note_due(nbgrader_settings(course, "")["coursedir"].db_url, attempt, policy, extension)


def is_being_graded(course: Course) -> bool:
    """Whether somebody runs `assay grade` in the course: a worker waits for its end. Raises CourseError."""
    try:
        with open(course.lock) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError as error:
        raise CourseError(f"{course.lock} cannot be locked ({error}). Remove it, or make it readable.") from error
    return False


def _telling(begun: Begun, send: Send) -> Callable[[str, Report], None]:
    """What shows a student who waits alone what the hidden checks found: at first, and with likely mistakes."""
    notebooks = begun.course.exercises_of(begun.assignment)
    found: dict[str, str] = {}
    told = ""

    def tell(student: str, report: Report) -> None:
        nonlocal told
        found[report.assignment] = as_text(report, begun.course[report.assignment].tasks)
        if not report.broken and len(found) == len(notebooks):
            text = "\n".join(found[name] for name in notebooks)
            if text != told and len(text) <= MOST_TOLD:
                told = text
                send(Told(student, text))

    return tell


def _graded(result: Result, suite: str) -> tuple[Graded, Sequence[bytes]]:
    """A result of `grade_class`, and its feedback pages."""
    try:
        pages = [page.read_bytes() for page in result.feedback]
    except OSError as error:
        return Graded(result.student, error=_said(error)), ()
    if result.error or not fits(pages, MOST_PAGES):
        why = result.error or f"The feedback is larger than {MOST_PAGES:,} bytes."
        return Graded(result.student, error=why[:MOST_SAID]), ()
    tasks = tuple(
        TaskResult(one.notebook or result.assignment, one.name, one.points, one.maximum, one.automatic)
        for one in result.scores
    )
    broken = tuple(
        BrokenCheck(report.assignment, check.name, check.task, check.staff_note)
        for report in result.reports
        for check in report.broken
    )
    graded = Graded(
        result.student,
        suite=suite,
        tasks=tasks,
        late_penalty=result.late_penalty,
        broken=broken,
        warnings=result.warnings,
        report=_digest(result.reports),
        seconds=result.seconds,
        pages=tuple(page.name for page in result.feedback),
    )
    return graded, pages


def _digest(reports: Iterable[Report]) -> str:
    """Equal for equal findings, however long they took."""
    timeless = (to_json(replace(report, seconds=0.0, staff_notes=())) for report in reports)
    return hashlib.sha256("\n".join(timeless).encode()).hexdigest()


def _write(place: Path, content: bytes) -> None:
    """The whole file or nothing of it."""
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = place.with_name(f".{place.name}.new")
        new.write_bytes(content)
        os.replace(new, place)
    except OSError as error:
        raise CourseError(f"{place} cannot be written ({error}). Make room or grant access.") from error


def _prepare(services: Services, exercises: Sequence[Exercise]) -> None:
    """Beside grading, which starts by itself what could not be started here, and says so."""
    try:
        services.prepare(exercises)
    except (AssayError, OSError) as error:
        log.error("%s", error)


def _said(error: Exception) -> str:
    return (str(error) if isinstance(error, AssayError) else f"{type(error).__name__}: {error}")[:MOST_SAID]
