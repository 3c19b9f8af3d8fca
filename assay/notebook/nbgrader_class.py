"""Grade a class: deal submissions to processes, record what comes back, write the feedback pages.

Writes what `nbgrader autograde` and `nbgrader generate_feedback` write: gradebook, autograded/ and feedback/. Only this
process writes the gradebook. What was graded before and would be graded alike is left as it is.
"""

from __future__ import annotations

import fcntl
import glob
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde

from assay.course import Course, exercise_name
from assay.errors import AssayError, CourseError, GradebookError
from assay.grading.processes import Pool, load_ahead
from assay.grading.rounds import load_report
from assay.notebook.files import digest_of
from assay.notebook.nbgrader_feedback import batches, page_key, write_pages
from assay.notebook.nbgrader_gradebook import Row, Rows, is_complete, known_notebooks, rows_of
from assay.notebook.nbgrader_marks import is_written, read_mark, suite_of, write_mark
from assay.notebook.nbgrader_recorder import Recorder, tidy
from assay.notebook.nbgrader_release import is_registered, open_gradebook, release, settings
from assay.notebook.nbgrader_services import Services
from assay.notebook.nbgrader_submission import Plan, grade_submission, opened, place_of
from assay.outcome import Report

IN_EACH_PROCESS = ("assay.notebook.nbgrader_feedback", "assay.notebook.nbgrader_pages")  # modules


@dataclass(frozen=True)
class Score:
    """What one graded cell came to. `points` is None until a person has graded it."""

    name: str  # grade_id
    points: float | None
    maximum: float
    automatic: bool  # graded by checks and not by hand
    needs_manual_grade: bool
    notebook: str = ""


@dataclass(frozen=True)
class Result:
    """What grading one submission came to."""

    student: str
    assignment: str
    scores: tuple[Score, ...] = ()
    late_penalty: float = 0.0
    reports: tuple[Report, ...] = ()  # of the hidden checks, one a notebook that has some
    feedback: tuple[Path, ...] = ()  # HTML pages
    skipped: bool = False  # was graded before, and nothing that decides its grades has changed
    warnings: tuple[str, ...] = ()  # for staff
    error: str = ""  # why it was not graded; ours, not the student's
    seconds: float = 0.0  # from when it was taken up until it was recorded

    @property
    def points(self) -> float:
        """All points so far, less the penalty for being late."""
        return sum(score.points or 0.0 for score in self.scores) - self.late_penalty

    @property
    def maximum(self) -> float:
        return sum(score.maximum for score in self.scores)

    @property
    def report(self) -> Report | None:
        """The report on the notebook that is named like the assignment, if it has hidden checks."""
        return self.report_on(self.assignment)

    def report_on(self, notebook: str) -> Report | None:
        """The report on one notebook; None where it has no hidden checks."""
        name = exercise_name(self.assignment, notebook)
        return next((report for report in self.reports if report.assignment == name), None)

    @property
    def needs_manual_grade(self) -> bool:
        return any(score.needs_manual_grade for score in self.scores)


@dataclass(frozen=True)
class Progress:
    """How far a class is."""

    done: int  # submissions, graded or skipped or failed to be graded
    total: int
    at: tuple[str, ...] = ()  # students whose submissions are being graded
    pages: int | None = None  # feedback pages still to be written, once all are graded


def grade_class(
    course: Course,
    assignment: str,
    student: str | Collection[str] = "*",
    *,
    force: bool = False,
    jobs: int = 1,
    services: Services | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> tuple[Result, ...]:
    """Grade all submissions of an assignment, or those of the students that match a pattern or are named, in `jobs`
    processes.

    A submission that cannot be graded, for a reason of ours, is a Result with an error and does not keep the others
    from being graded. Without `force`, what was graded is kept unless the submission or what it is graded with has
    changed. Raises CourseError, SandboxError or GradebookError where no submission could be graded at all.
    """
    students = submitters(course, assignment, student)
    if not students:
        who = student if isinstance(student, str) else ", ".join(sorted(student))
        raise CourseError(f"There is no submission of {assignment} by {who} in {course.submitted}. Collect some first.")
    if not is_registered(course, assignment):
        release(course, assignment)
    with only_one(course), open_gradebook(course) as gradebook:
        run = _Run(course, assignment, students, gradebook, on_progress or _nothing)
        return run.results(force=force, jobs=jobs, services=services)


def submitters(course: Course, assignment: str, wanted: str | Collection[str] = "*") -> tuple[str, ...]:
    """Ids of the students with a folder submitted/<student>/<assignment> whom nbgrader does not exclude, in order.

    `wanted` is a pattern, or some ids.
    """
    left_out = set(settings(course, assignment)["coursedir"].student_id_exclude.split(","))
    if not isinstance(wanted, str):
        there = {name for name in wanted if (course.submitted / name / assignment).is_dir()}
        return tuple(sorted(there - left_out))
    folders = (Path(path) for path in glob.glob(f"{glob.escape(str(course.submitted))}/*/{glob.escape(assignment)}"))
    names = {folder.parent.name for folder in folders if folder.is_dir()}
    return tuple(sorted(name for name in names - left_out if name == wanted or fnmatch(name, wanted)))


class _Run:
    """One class being graded."""

    def __init__(
        self,
        course: Course,
        assignment: str,
        students: tuple[str, ...],
        gradebook: Gradebook,
        on_progress: Callable[[Progress], object],
    ) -> None:
        self.course, self.assignment, self.students = course, assignment, students
        self.gradebook = gradebook
        self.converter = Autograde(**settings(course, assignment))
        self.known = known_notebooks(gradebook, assignment)
        self.suite = suite_of(course, assignment)
        self.errors: dict[str, str] = {}
        self.warnings: dict[str, tuple[str, ...]] = {}
        self.seconds: dict[str, float] = {}
        self._on_progress = on_progress
        self._todo = len(students)  # submissions, graded by now or not
        self._began: dict[str, float] = {}  # of those being graded

    def results(self, *, force: bool, jobs: int, services: Services | None) -> tuple[Result, ...]:
        tidy(self.converter)
        before = {} if force else rows_of(self.gradebook, self.assignment, self.known, self.students)
        todo = [name for name in self.students if force or not self._is_graded(name, before.get(name))]
        jobs = min(jobs, len(todo or self.students))
        with ExitStack() as stack:
            if todo and jobs > 1:
                load_ahead(*IN_EACH_PROCESS)  # while what they share is started
            if todo and services is None:
                services = stack.enter_context(closing(Services.of(self.course)))
            processes = stack.enter_context(self._pool(services if todo else None, jobs, len(todo)))
            self._grade(processes, todo)
            rows = rows_of(self.gradebook, self.assignment, self.known, self.students)
            self._write_pages(processes, rows, force=force)
        return tuple(self._result(name, rows.get(name), skipped=name not in todo) for name in self.students)

    def _pool(self, services: Services | None, jobs: int, submissions: int) -> Pool[Any]:
        if services is None:
            return Pool(jobs, nullcontext, None, modules=IN_EACH_PROCESS)
        if submissions > 1:
            services.prepare(self.course[name] for name in self.course.exercises_of(self.assignment))
        plan = Plan(self.assignment, self.known, services if jobs == 1 else services.lend())
        return Pool(jobs, opened, plan, modules=IN_EACH_PROCESS)

    def _is_graded(self, student: str, rows: Rows | None) -> bool:
        """Whether a submission has been graded as it is, with what it would be graded with now."""
        mark = read_mark(self.course, self.assignment, student)
        if mark is None or mark.suite != self.suite or not is_complete(rows, self.known):
            return False
        if not is_written(mark, place_of(self.converter, student)):
            return False
        folder = self.course.submitted / student / self.assignment
        try:
            return digest_of(folder, tuple(self.converter.coursedir.ignore)) == mark.submission
        except OSError:
            return False

    def _grade(self, processes: Pool[Any], todo: list[str]) -> None:
        self._todo = len(todo)
        recorder = Recorder(self.course, self.gradebook, self.converter, self.known, self.suite)
        for student, outcome in processes.each(grade_submission, todo, retries=1, on_start=self._starts):
            try:
                if isinstance(outcome, Exception):
                    raise outcome
                self.warnings[student] = outcome.warnings
                recorder.record(outcome)
            except Exception as error:
                self.errors[student] = _why_not_graded(student, error)
            self.seconds[student] = time.monotonic() - self._began.pop(student)
            self._tell()

    def _starts(self, student: str) -> None:
        self._began.setdefault(student, time.monotonic())
        self._tell()

    def _tell(self, pages: int | None = None) -> None:
        done = len(self.students) - self._todo + len(self.seconds)
        self._on_progress(Progress(done, len(self.students), tuple(self._began), pages))

    def _write_pages(self, processes: Pool[Any], rows: Mapping[str, Rows], *, force: bool) -> None:
        """Write the feedback pages that are not there or would show something else."""
        keys = {name: page_key(self.converter, name, rows[name]) for name in self.students if name in rows}
        marks = {name: read_mark(self.course, self.assignment, name) for name in keys}
        due = [
            name
            for name, mark in marks.items()
            if mark is not None and (force or mark.page != keys[name] or not self._pages(name))
        ]
        left = len(due)
        self._tell(pages=left)
        for batch, outcome in processes.each(write_pages, batches(self.course, self.assignment, due), retries=1):
            for name in () if isinstance(outcome, Exception) else batch.students:
                if (mark := marks[name]) is not None and self._pages(name):
                    write_mark(self.course, self.assignment, name, replace(mark, page=keys[name]))
            left -= len(batch.students)
            self._tell(pages=left)

    def _pages(self, student: str) -> tuple[Path, ...]:
        return tuple(sorted((self.course.feedback / student / self.assignment).glob("*.html")))

    def _result(self, student: str, rows: Rows | None, *, skipped: bool) -> Result:
        """What the gradebook says after grading."""
        seconds = self.seconds.get(student, 0.0)
        if student in self.errors or rows is None:
            why = self.errors.get(student, f"{student} was not graded: the gradebook has no submission.")
            return Result(student, self.assignment, error=why, seconds=seconds)
        pages = self._pages(student)
        found = [load_report(self.course, exercise, student) for exercise in self.course.exercises_of(self.assignment)]
        return Result(
            student,
            self.assignment,
            scores=tuple(map(_score, rows.grades)),
            late_penalty=rows.late_penalty,
            reports=tuple(report for report in found if report is not None),
            feedback=pages,
            error="" if pages else f"{student} was graded, but no feedback page could be written.",
            skipped=skipped,
            warnings=self.warnings.get(student, ()),
            seconds=seconds,
        )


@contextmanager
def only_one(course: Course) -> Iterator[None]:
    """Let nobody else run `assay grade` in this course meanwhile. Raises GradebookError where somebody does."""
    course.lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(course.lock, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise GradebookError(
                f"{course.root} is being graded by another `assay grade`. Wait for its end, then run this one again."
            ) from error
        yield


def _why_not_graded(student: str, error: Exception) -> str:
    if isinstance(error, AssayError):
        return f"{student} was not graded: {error}"
    return (
        f"{student} was not graded: {type(error).__name__}: {error}. This is a mistake of ours; grade the submission "
        "again, and if it stays so, report it."
    )


def _nothing(progress: Progress) -> None:
    """Nobody looks."""


def _score(row: Row) -> Score:
    decided = row.manual is not None or row.auto is not None
    return Score(
        name=row.name,
        points=row.score if decided else None,
        maximum=row.maximum,
        automatic=row.automatic,
        needs_manual_grade=row.needs_manual_grade,
        notebook=row.notebook,
    )
