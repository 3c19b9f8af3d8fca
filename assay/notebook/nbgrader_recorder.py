"""The recorder: the only part that writes grades, one submission at a time, wholly or not at all.

First the gradebook's rows, not yet committed; then the new files take the place of the old; then the commit, the
report for staff, and the mark. Whatever ends a run in between leaves whole files and a whole gradebook, and no mark,
so that the next run grades that submission again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbgrader.api import (
    Comment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import Autograde
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import selectinload

from assay.course import Course
from assay.errors import GradebookError
from assay.grading.rounds import save_report
from assay.notebook.nbgrader_gradebook import KnownNotebook
from assay.notebook.nbgrader_marks import Mark, forget, write_mark
from assay.notebook.nbgrader_submission import Graded, GradedNotebook, being_replaced, being_written, place_of

BUSY_SECONDS = 60  # for another program, such as formgrader, to let go of the gradebook


class Recorder:
    """Writes graded submissions of one assignment as nbgrader does."""

    def __init__(
        self, course: Course, gradebook: Gradebook, converter: Autograde, known: tuple[KnownNotebook, ...], suite: str
    ) -> None:
        self.course = course
        self.suite = suite
        self._session: Any = gradebook.db()
        self._session.expire_on_commit = False
        self._converter = converter
        self._name = converter.coursedir.assignment_id
        assignment = gradebook.find_assignment(self._name)
        self._id, self._due = assignment.id, assignment.duedate
        self._known = {one.name: one for one in known}
        self._late = AssignLatePenalties(parent=converter)
        self._late.init_plugin()

    def record(self, graded: Graded) -> None:
        """Write one submission. Raises GradebookError, and then the gradebook is as it was."""
        forget(self.course, self._name, graded.student)
        with self._transaction(graded.student):
            submission = self._submission(graded.student)
            if graded.timestamp is not None:
                submission.timestamp = graded.timestamp
            for notebook in graded.notebooks:
                self._fill(submission, notebook)
            self._session.flush()
            self._put_in_place(graded.student)
        for notebook in graded.notebooks:
            if notebook.report is not None:
                save_report(self.course, graded.student, notebook.report)
        self._run_hook(graded)
        written = {f"{one.name}.ipynb": one.size for one in graded.notebooks if one.size}
        write_mark(self.course, self._name, graded.student, Mark(graded.digest, self.suite, written))

    @contextmanager
    def _transaction(self, student: str) -> Iterator[None]:
        try:
            if self._session.get_bind().dialect.name == "sqlite":
                self._session.execute(text(f"PRAGMA busy_timeout = {1000 * BUSY_SECONDS}"))
            yield
            self._session.commit()
        except DBAPIError as error:
            raise GradebookError(
                f"{student} was not graded: the gradebook cannot be written ({error.orig}). Close what holds it open "
                "and try again."
            ) from error
        finally:
            self._session.rollback()
            self._session.expunge_all()

    def _submission(self, student: str) -> Any:
        """The rows of a submission, made where there are none."""
        if self._session.get(Student, student) is None:
            if not self._converter.create_student:
                raise GradebookError(f"{student} was not graded: there is no such student in the gradebook. Add them.")
            self._session.add(Student(id=student))
        found = self._session.scalars(
            select(SubmittedAssignment)
            .where(SubmittedAssignment.assignment_id == self._id, SubmittedAssignment.student_id == student)
            .options(
                selectinload(SubmittedAssignment.notebooks).options(
                    selectinload(SubmittedNotebook.grades), selectinload(SubmittedNotebook.comments)
                )
            )
        ).one_or_none()
        if found is None:
            found = SubmittedAssignment(assignment_id=self._id, student_id=student, notebooks=[])
            self._session.add(found)
        there = {one.notebook_id: one for one in found.notebooks}
        for known in self._known.values():
            if known.id not in there:
                found.notebooks.append(SubmittedNotebook(notebook_id=known.id, grades=[], comments=[]))
        for submitted in found.notebooks:
            _complete(submitted, next(one for one in self._known.values() if one.id == submitted.notebook_id))
        return found

    def _fill(self, submission: Any, notebook: GradedNotebook) -> None:
        known = self._known[notebook.name]
        submitted = next(one for one in submission.notebooks if one.notebook_id == known.id)
        names = {cell.id: cell.name for cell in (*known.grade_cells, *known.task_cells, *known.solution_cells)}
        for grade in submitted.grades:
            if (name := names[grade.cell_id]) in notebook.scores:
                grade.auto_score = notebook.scores[name]
                by_hand = grade.manual_score is not None or grade.auto_score is None
                grade.needs_manual_grade = by_hand or name in notebook.undecided
        for comment in submitted.comments:
            if (name := names[comment.cell_id]) in notebook.comments:
                comment.auto_comment = notebook.comments[name]
        if notebook.size:  # nbgrader looks at the penalty of what it writes
            submitted.late_submission_penalty = self._penalty(submission, submitted)

    def _penalty(self, submission: Any, submitted: Any) -> float | None:
        """What the plugin of nbgrader's AssignLatePenalties takes off for being late."""
        if submission.timestamp is None or self._due is None or not self._late.enabled:
            return None
        due = self._due if submission.extension is None else self._due + submission.extension
        late = (submission.timestamp - due).total_seconds()
        if late <= 0:
            return None
        score = sum(map(_score, submitted.grades))
        penalty = self._late.plugin_inst.late_submission_penalty(submission.student_id, score, late)
        checked = self._late._check_late_penalty
        return None if penalty is None else float(checked(SimpleNamespace(score=score), penalty))

    def _put_in_place(self, student: str) -> None:
        folder = place_of(self._converter, student)
        new, old = being_written(folder), being_replaced(folder)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
        self._converter.set_permissions(self._name, student)
        shutil.rmtree(old, ignore_errors=True)

    def _run_hook(self, graded: Graded) -> None:
        self._converter.coursedir.student_id = graded.student
        self._converter.notebooks = [f"{one.name}.ipynb" for one in graded.notebooks]
        self._converter.run_post_convert_hook()


def tidy(converter: Autograde) -> None:
    """Clear away what a run that was killed left of this assignment, and put back what it was about to replace."""
    root, places = Path(converter.coursedir.root), place_of(converter, "*")
    for folder in list(root.glob(os.path.relpath(being_replaced(places), root))):
        place = folder.with_name(folder.name.removeprefix(".").removesuffix(".old"))
        shutil.rmtree(folder) if place.exists() else os.replace(folder, place)
    for folder in list(root.glob(os.path.relpath(being_written(places), root))):
        shutil.rmtree(folder)


def _complete(submitted: Any, known: KnownNotebook) -> None:
    """Give a submitted notebook a row for each cell that is graded or commented on, as nbgrader does."""
    grades = {grade.cell_id for grade in submitted.grades}
    comments = {comment.cell_id for comment in submitted.comments}
    for cell in (*known.grade_cells, *known.task_cells):
        if cell.id not in grades:
            submitted.grades.append(Grade(cell_id=cell.id))
    for cell in (*known.solution_cells, *known.task_cells):
        if cell.id not in comments:
            submitted.comments.append(Comment(cell_id=cell.id))


def _score(grade: Any) -> float:
    """As the gradebook computes it."""
    given = grade.auto_score if grade.manual_score is None else grade.manual_score
    return 0.0 if given is None else given + (grade.extra_credit or 0.0)
