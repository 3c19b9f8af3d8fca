"""Feedback pages, by nbgrader's own converter, a few students at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbgrader.converters import Autograde, GenerateFeedback

import assay
from assay.course import Course
from assay.errors import GradebookError
from assay.notebook.nbgrader_gradebook import Rows
from assay.notebook.nbgrader_release import run, settings
from assay.notebook.nbgrader_submission import place_of

BATCH = 16  # students; nbgrader compiles its templates once for all of them


@dataclass(frozen=True)
class Batch:
    """Students whose pages are written by one process."""

    course: Course
    assignment: str
    students: tuple[str, ...]


class FeedbackFor(GenerateFeedback):
    """nbgrader's feedback for some students."""

    students: tuple[str, ...] = ()

    def init_notebooks(self) -> None:
        folders = (self._format_source(self.coursedir.assignment_id, student) for student in self.students)
        self.assignments: dict[str, list[str]] = {
            folder: sorted(map(str, Path(folder).glob("*.ipynb"))) for folder in folders
        }


def batches(course: Course, assignment: str, students: list[str]) -> Iterator[Batch]:
    """All students, some at a time."""
    for start in range(0, len(students), BATCH):
        yield Batch(course, assignment, tuple(students[start : start + BATCH]))


def write_pages(tools: object, batch: Batch) -> None:
    """Write the pages of some students, in place of those before."""
    converter = FeedbackFor(**settings(batch.course, batch.assignment))
    converter.students = batch.students
    converter.force = True
    # nbgrader goes on to the next student where one page fails; who has no page shows it in the results.
    with suppress(GradebookError):
        run(converter, "Feedback is missing")


def page_key(converter: Autograde, student: str, rows: Rows) -> str:
    """32 hexadecimal digits that change with what a student's pages show."""
    digest = hashlib.sha256(f"{assay.__version__} {rows}".encode())
    for path in sorted(place_of(converter, student).glob("*.ipynb")):
        status = path.stat()
        digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns} ".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]
