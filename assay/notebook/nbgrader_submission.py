"""Grade one submission in one process, as far as that goes without the gradebook: to files and scores to be recorded.

The steps are those of `nbgrader autograde` and mostly its own code, but everything that is the same for a class (the
configuration, the released notebooks, what the gradebook holds of their cells) is read once, nothing is written twice,
and the notebook is checked against its format once.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.converters import Autograde
from nbgrader.nbgraderformat import MetadataValidator, SchemaTooNewError, SchemaTooOldError, ValidationError
from nbgrader.preprocessors import IgnorePattern, LimitOutput, OverwriteCells, OverwriteKernelspec
from nbgrader.utils import compute_checksum, determine_grade, find_all_files, is_grade, is_solution, is_task

from assay.errors import CourseError, SubmissionError
from assay.notebook.files import Admission, digest_of, read_regular
from assay.notebook.kept import kept
from assay.notebook.nbgrader_admission import STOCK_WARNING, admission_of, screen
from assay.notebook.nbgrader_gradebook import KnownCells, KnownNotebook
from assay.notebook.nbgrader_graded import HandedOut, graded, handed_out, rebuilt, undecided
from assay.notebook.nbgrader_release import quiet, settings
from assay.notebook.nbgrader_services import Lent, Services
from assay.outcome import Report


@dataclass(frozen=True)
class Plan:
    """What a process needs to grade submissions of an assignment; it can be sent to one."""

    assignment: str
    known: tuple[KnownNotebook, ...]
    services: Services | Lent


@dataclass(frozen=True)
class GradedNotebook:
    """What is to be recorded of a notebook."""

    name: str
    scores: Mapping[str, float | None]  # by grade_id; None: for a person to give
    comments: Mapping[str, str | None]  # of nbgrader, by grade_id
    undecided: tuple[str, ...] = ()  # tasks whose score a person has to look at
    report: Report | None = None
    size: int = 0  # bytes of the file; 0: there is none


@dataclass(frozen=True)
class Graded:
    """A submission that is ready to be recorded; its files lie beside where they belong."""

    student: str
    digest: str  # of what was read, see `files.digest_of`
    timestamp: datetime | None  # UTC, when it was submitted
    notebooks: tuple[GradedNotebook, ...]
    warnings: tuple[str, ...] = ()  # for staff


@contextmanager
def opened(plan: Plan) -> Iterator[Grader]:
    """The tools of one process."""
    services = plan.services
    if isinstance(services, Services):
        yield Grader(plan, services)
    else:
        with services.borrowed() as own:
            yield Grader(plan, own)


def grade_submission(grader: Grader, student: str) -> Graded:
    """Grade a submission and write its files aside.

    Raises AssayError where it cannot be graded, for a reason that concerns it alone.
    """
    with quiet():
        return grader.grade(student)


def place_of(converter: Autograde, student: str) -> Path:
    """The folder in autograded/ of a student's submission."""
    return Path(os.path.normpath(converter._format_dest(converter.coursedir.assignment_id, student)))


def being_written(place: Path) -> Path:
    """Where new files lie until they are recorded; nbgrader's patterns do not match the name."""
    return place.with_name(f".{place.name}.new")


def being_replaced(place: Path) -> Path:
    """Where old files lie for the moment in which new ones take their place."""
    return place.with_name(f".{place.name}.old")


class Grader:
    """What is read once for all submissions of an assignment."""

    def __init__(self, plan: Plan, services: Services) -> None:
        self.plan = plan
        self.services = services
        self.converter = Autograde(**settings(services.course, plan.assignment))
        self.known = {one.name: one for one in plan.known}
        self.warnings: list[str] = []
        self._log = logging.Logger("assay.notebook", logging.WARNING)
        self._log.addHandler(_Keeping(self.warnings))
        self._overwrite, *self._limits = (
            kind(parent=self.converter, log=self._log) for kind in (OverwriteCells, IgnorePattern, LimitOutput)
        )
        self._overwrites_kernel = OverwriteKernelspec(parent=self.converter).enabled

    @cached_property
    def handed_out(self) -> tuple[HandedOut, ...]:
        """The released notebooks, by name."""
        course, assignment = self.services.course, self.plan.assignment
        names = sorted(path.stem for path in (course.release / assignment).glob("*.ipynb"))
        return tuple(handed_out(course, assignment, name) for name in names)

    @cached_property
    def admission(self) -> Admission:
        return admission_of(self.services.course, self.plan.assignment, tuple(self.converter.coursedir.ignore))

    @cached_property
    def beside(self) -> Mapping[str, Path]:
        """The instructor's files that stand in autograded/ for what was submitted under their names."""
        coursedir, assignment = self.converter.coursedir, self.plan.assignment
        folder = coursedir.format_path(coursedir.source_directory, ".", assignment)
        kept = {os.path.join(folder, name) for name in self.converter.exclude_overwriting.get(assignment, [])}
        found = set(find_all_files(folder, [*coursedir.ignore, "*.ipynb"])) - kept
        return {os.path.relpath(path, folder): Path(path) for path in sorted(found)}

    def grade(self, student: str) -> Graded:
        self.warnings.clear()
        source = self._source(student)
        try:
            self.warnings += screen(self.services.course, source, self.plan.assignment, student, self.admission)
        except OSError as error:
            raise SubmissionError(f"{source} is not graded: {error}") from error
        if not any(given.exercise for given in self.handed_out):
            self.warnings.append(STOCK_WARNING % (self.plan.assignment, self.plan.assignment))
        digest = digest_of(source, self.admission.ignored)
        self._run_hook(student)
        new = being_written(place_of(self.converter, student))
        notebooks = tuple(self._notebook(given, source, student) for given in self._wanted())
        missing = tuple(_absent(known) for known in self._not_submitted(source))
        shutil.rmtree(new, ignore_errors=True)
        self._write(new, source, notebooks)
        done = tuple(notebook for notebook, _ in notebooks)
        timestamp = self.converter.coursedir.get_existing_timestamp(str(source))
        return Graded(student, digest, timestamp, (*done, *missing), tuple(self.warnings))

    def _source(self, student: str) -> Path:
        coursedir = self.converter.coursedir
        folder = coursedir.format_path(coursedir.submitted_directory, student, self.plan.assignment)
        if not re.fullmatch(".*", student):
            raise SubmissionError(f"{folder!r} is not graded: its name holds a new line. Rename it.")
        return Path(folder)

    def _wanted(self) -> list[HandedOut]:
        wanted = [given for given in self.handed_out if given.name in self.known]
        self.warnings += [f"Skipping unknown notebook: {g.name}" for g in self.handed_out if g not in wanted]
        if not wanted:
            raise CourseError(f"No notebook of {self.plan.assignment} has been released. Run: assay release")
        return wanted

    def _not_submitted(self, source: Path) -> list[KnownNotebook]:
        """Notebooks of the gradebook that are neither released any more nor submitted."""
        released = {given.name for given in self.handed_out}
        return [
            known
            for name, known in self.known.items()
            if name not in released and not os.path.exists(source / f"{name}.ipynb")
        ]

    def _run_hook(self, student: str) -> None:
        self.converter.coursedir.student_id = student
        self.converter.notebooks = [f"{given.name}.ipynb" for given in self.handed_out]
        self.converter.run_pre_convert_hook()

    def _notebook(self, given: HandedOut, source: Path, student: str) -> tuple[GradedNotebook, str]:
        """What one notebook came to, and its text."""
        read = rebuilt(given, source)
        nb = nbformat.from_dict(read.notebook)
        self._as_released(nb, given)
        nb, report = graded(nb, given, source, student, read.notes, self.services, self.warnings.append)
        for preprocessor in self._limits:
            nb, _ = preprocessor(nb, {})
        nbformat.validate(nb, relax_add_props=True)
        text = nbformat.v4.writes(nb)
        text = text if text.endswith("\n") else f"{text}\n"
        done = GradedNotebook(
            name=given.name,
            scores={c.metadata.nbgrader.grade_id: determine_grade(c, self._log)[0] for c in nb.cells if is_grade(c)},
            comments={
                c.metadata.nbgrader.grade_id: _comment(c) for c in nb.cells if is_solution(c) or is_task(c)
            },
            undecided=undecided(report),
            report=report,
            size=len(text.encode()),
        )  # fmt: skip
        return done, text

    def _as_released(self, nb: Any, given: HandedOut) -> None:
        """What nbgrader's OverwriteKernelspec, OverwriteCells and CheckCellMetadata do."""
        known = self.known[given.name]
        if known.kernelspec and self._overwrites_kernel and (kernel := json.loads(known.kernelspec)):
            nb.metadata["kernelspec"] = nbformat.from_dict(kernel)
        if self._overwrite.enabled:
            self._overwrite.gradebook = KnownCells(known)
            self._overwrite.notebook_id, self._overwrite.assignment_id = given.name, given.assignment
            for number, cell in enumerate(nb.cells):
                nb.cells[number], _ = self._overwrite.preprocess_cell(cell, {}, number)
            if self._overwrite.add_missing_cells:
                self._overwrite.add_missing_grade_cells(nb, {})
                self._overwrite.add_missing_task_cells(nb, {})
        # nbgrader's metadata are the instructor's, whoever submitted it.
        told = json.dumps([[cell.cell_type, {**cell.metadata}.get("nbgrader", ())] for cell in nb.cells])
        kept("metadata", given.name, told, lambda: _check_metadata(nb, given.name))

    def _write(self, new: Path, source: Path, notebooks: tuple[tuple[GradedNotebook, str], ...]) -> None:
        """Lay out the folder that will stand in autograded/."""
        new.mkdir(parents=True)
        for path in find_all_files(str(source), [*self.converter.coursedir.ignore, "*.ipynb"]):
            name = os.path.relpath(path, source)
            if name not in self.beside:
                _put(new / name, read_regular(Path(path)), os.stat(path).st_mode)
        for name, original in self.beside.items():
            _put(new / name, original.read_bytes(), original.stat().st_mode)
        for notebook, text in notebooks:
            (new / f"{notebook.name}.ipynb").write_text(text, encoding="utf-8")


class _Keeping(logging.Handler):
    """Keeps what nbgrader's code warns of."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__()
        self.kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record.getMessage())


def _put(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode & 0o777)


def _comment(cell: Any) -> str | None:
    """What nbgrader's SaveAutoGrades says of an answer."""
    untouched = cell.metadata.nbgrader.get("checksum", None) == compute_checksum(cell)
    return "No response." if untouched and not is_task(cell) else None


def _absent(known: KnownNotebook) -> GradedNotebook:
    return GradedNotebook(known.name, {cell.name: 0.0 for cell in (*known.grade_cells, *known.task_cells)}, {})


def _check_metadata(nb: Any, name: str) -> str:
    """Nothing. Raises CourseError where nbgrader cannot use them."""
    try:
        MetadataValidator().validate_nb(nb)
    except SchemaTooOldError as error:
        raise CourseError(
            f"{name}.ipynb was written with an older nbgrader. Back up the course, then run: nbgrader update ."
        ) from error
    except SchemaTooNewError as error:
        raise CourseError(f"{name}.ipynb was written with a newer nbgrader. Update nbgrader.") from error
    except ValidationError as error:
        raise CourseError(f"nbgrader's metadata in {name}.ipynb are damaged: {error} Release it anew.") from error
    return ""
