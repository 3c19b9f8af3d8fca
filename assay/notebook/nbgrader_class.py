"""Grade a class in one process: nbgrader's converters, one submission at a time, without starting its applications.

Writes what `nbgrader autograde` and `nbgrader generate_feedback` write: gradebook, autograded/ and feedback/.
"""

from __future__ import annotations

import glob
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde, GenerateFeedback

from assay.course import Course, exercise_name
from assay.errors import AssayError, CourseError, GradebookError
from assay.grading.rounds import load_report
from assay.notebook.nbgrader_release import is_registered, open_gradebook, release, run, settings
from assay.notebook.nbgrader_services import Services
from assay.outcome import Report


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
    skipped: bool = False  # was graded before, and nothing newer was submitted
    warnings: tuple[str, ...] = ()  # for staff
    error: str = ""  # why it was not graded; ours, not the student's

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


class OneSubmission(Autograde):
    """nbgrader's autograder for one folder, with a sandbox that was chosen before."""

    services: Services
    skipped = False

    def init_notebooks(self) -> None:
        """Take the folder as it is, even without a notebook: the exporter lists what is to be graded."""
        self.assignments: dict[str, list[str]] = {
            self._format_source(self.coursedir.assignment_id, self.coursedir.student_id): []
        }

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Remember nbgrader's decision not to grade what was graded before."""
        self.skipped = not super().init_destination(assignment_id, student_id)
        return not self.skipped


class FeedbackFor(GenerateFeedback):
    """nbgrader's feedback for some students: one converter, so that its templates are compiled once."""

    students: tuple[str, ...] = ()

    def init_notebooks(self) -> None:
        folders = (self._format_source(self.coursedir.assignment_id, student) for student in self.students)
        self.assignments: dict[str, list[str]] = {
            folder: sorted(map(str, Path(folder).glob("*.ipynb"))) for folder in folders
        }


def grade_class(
    course: Course,
    assignment: str,
    student: str = "*",
    *,
    force: bool = False,
    services: Services | None = None,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> tuple[Result, ...]:
    """Grade all submissions of an assignment, or those of the students that match a pattern.

    `on_progress(number, total, student)` is called before each. A submission that cannot be graded, for a reason
    of ours, is a Result with an error and does not keep the others from being graded. Without `force`, what was
    graded is kept unless something newer was submitted. Raises CourseError, SandboxError or GradebookError where
    no submission could be graded at all.
    """
    students = submitters(course, assignment, student)
    if not students:
        raise CourseError(
            f"There is no submission of {assignment} by {student} in {course.submitted}. Collect some first."
        )
    if not is_registered(course, assignment):
        release(course, assignment)
    services = services or Services.of(course)
    graded: dict[str, tuple[OneSubmission, str]] = {}
    errors: dict[str, str] = {}
    for number, name in enumerate(students, start=1):
        if on_progress is not None:
            on_progress(number, len(students), name)
        try:
            graded[name] = _grade(course, assignment, name, services, force)
        except AssayError as error:
            errors[name] = str(error)
    _write_feedback(course, assignment, tuple(graded))
    return tuple(
        Result(name, assignment, error=errors[name])
        if name in errors
        else _result(course, assignment, name, *graded[name])
        for name in students
    )


def submitters(course: Course, assignment: str, pattern: str = "*") -> tuple[str, ...]:
    """Ids of the students with a folder submitted/<student>/<assignment>, in alphabetical order."""
    folders = (Path(path) for path in glob.glob(f"{glob.escape(str(course.submitted))}/*/{glob.escape(assignment)}"))
    names = (folder.parent.name for folder in folders if folder.is_dir())
    return tuple(sorted(name for name in names if name == pattern or fnmatch(name, pattern)))


def _grade(course: Course, assignment: str, student: str, services: Services, force: bool) -> tuple[OneSubmission, str]:
    """Grade one submission. Returns how, and what nbgrader logged; raises GradebookError where it was not graded."""
    converter = OneSubmission(**settings(course, assignment, student))
    converter.services = services
    converter.force = force
    return converter, run(converter, f"{student} was not graded")


def _write_feedback(course: Course, assignment: str, students: tuple[str, ...]) -> None:
    converter = FeedbackFor(**settings(course, assignment))
    converter.students = students
    converter.force = True
    # nbgrader goes on to the next student where one page fails; who has no page shows it in the results.
    with suppress(GradebookError):
        run(converter, "Feedback is missing")


def _result(course: Course, assignment: str, student: str, converter: OneSubmission, log: str) -> Result:
    """What the gradebook says after grading."""
    pages = tuple(sorted((course.feedback / student / assignment).glob("*.html")))
    scores: list[Score] = []
    penalty = 0.0
    with open_gradebook(course) as gradebook:
        try:
            submission = gradebook.find_submission(assignment, student)
        except MissingEntry:
            return Result(student, assignment, error=f"{student} was not graded: the gradebook has no submission.")
        for notebook in sorted(submission.notebooks, key=lambda one: (one.name != assignment, one.name)):
            penalty += notebook.late_submission_penalty or 0.0
            by_hand = {cell.name for cell in notebook.notebook.solution_cells}
            scores += [_score(grade, by_hand, notebook.name) for grade in notebook.grades]
    found = [load_report(course, exercise, student) for exercise in course.exercises_of(assignment)]
    return Result(
        student,
        assignment,
        scores=tuple(scores),
        late_penalty=penalty,
        reports=tuple(report for report in found if report is not None),
        feedback=pages,
        error="" if pages else f"{student} was graded, but no feedback page could be written.",
        skipped=converter.skipped,
        warnings=tuple(line.partition("] ")[2] for line in log.splitlines() if line.startswith("[WARNING]")),
    )


def _score(grade: Any, by_hand: set[str], notebook: str) -> Score:
    decided = grade.manual_score is not None or grade.auto_score is not None
    return Score(
        name=grade.name,
        points=grade.score if decided else None,
        maximum=grade.max_score,
        automatic=grade.cell.cell_type == "code" and grade.name not in by_hand,
        needs_manual_grade=grade.needs_manual_grade,
        notebook=notebook,
    )
