"""nbgrader grades through Assay: `configure(c)` in nbgrader_config.py, and the parts that it puts in place.

Only public configuration: the exporter reads submissions (rebuilt from the instructor's notebook), GradeInSandbox
stands where nbgrader's Execute did, FlagUndecided follows SaveAutoGrades. `nbgrader autograde`, NbGraderAPI and
formgrader's button all use them.
"""

from __future__ import annotations

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import determine_grade, is_grade
from traitlets.config import Config

from assay.course import Course, Exercise, exercise_name, read_json
from assay.errors import AssayError, CourseError, SubmissionError
from assay.feedback.html import as_html
from assay.feedback.text import as_text
from assay.grading.rounds import save_report
from assay.notebook.extract import Rebuilt, rebuild, source_of, unanswered
from assay.notebook.files import side_files
from assay.notebook.nbgrader_admission import admit, submitted_notebook
from assay.notebook.nbgrader_services import Services
from assay.notebook.nbgrader_stock import run_with_tests
from assay.notebook.shown import shorten_code
from assay.notebook.visible import is_marker, marker_outputs, notes_cell, take_outputs, to_run
from assay.outcome import Report

HERE = "assay.notebook.nbgrader"
OF_THE_PREPROCESSORS = "nbgrader.preprocessors"
TESTS_INSIDE = "The tests of %s.ipynb stand in it, where a student's code can read hidden ones and forge a score."


def configure(config: Config) -> None:
    """Make nbgrader grade through Assay. Names instead of classes, so that formgrader can show the configuration."""
    config.Autograde.exporter_class = f"{HERE}.SubmissionExporter"
    config.Autograde.sanitize_preprocessors = [
        f"{OF_THE_PREPROCESSORS}.{name}" for name in ("OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata")
    ]
    config.Autograde.autograde_preprocessors = [
        f"{HERE}.GradeInSandbox",
        f"{OF_THE_PREPROCESSORS}.IgnorePattern",
        f"{OF_THE_PREPROCESSORS}.LimitOutput",
        f"{OF_THE_PREPROCESSORS}.SaveAutoGrades",
        f"{HERE}.FlagUndecided",
        f"{OF_THE_PREPROCESSORS}.AssignLatePenalties",
        f"{OF_THE_PREPROCESSORS}.CheckCellMetadata",
    ]
    # Self-checks leave pytest's cache beside the notebook, and students submit the folder as it is.
    if "ignore" not in config.CourseDirectory:
        config.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache", "feedback"]
    # nbgrader calls alembic by name; in an environment that is not activated it lies beside Python only.
    folder, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
    if folder not in path.split(os.pathsep):
        os.environ["PATH"] = f"{path}{os.pathsep}{folder}"
    # A second layer: outputs hold no script (`outputs`, `html`), and would not be shown if they did.
    config.HTMLExporter.sanitize_html = True
    config.TemplateExporter.filters = {"clean_html": "assay.notebook.sanitised.clean_html"}
    # Colours a cell as the language of its %%magic; the lexers of some languages can be kept busy for minutes.
    config.HighlightMagicsPreprocessor.enabled = False


class SubmissionExporter(NotebookExporter):
    """Reads a submission as the instructor's notebook with the student's texts in it; never fails on one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(self.parent, Autograde):
            admit(self.parent)

    @cached_property
    def services(self) -> Services:
        """What grading needs besides a submission: the converter's own, or those of its course folder."""
        given: Services | None = getattr(self.parent, "services", None)
        return given or Services.of(self._course)

    @property
    def _course(self) -> Course:
        return Course(Path(self._coursedir.root))

    @property
    def _coursedir(self) -> CourseDirectory:
        converter: Any = self.parent
        return converter.coursedir

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> Any:
        if not self._is_submitted(filename, resources):
            return super().from_filename(filename, resources=resources, **kwargs)
        path = Path(filename)
        resources.setdefault("metadata", {}).update(name=path.stem, path=str(path.parent))
        rebuilt = self._rebuilt(path, resources["nbgrader"]["assignment"])
        node = nbformat.from_dict(rebuilt.notebook)
        node.metadata["assay"] = {"notes": list(rebuilt.notes)}
        return self.from_notebook_node(node, resources=resources, **kwargs)

    def _is_submitted(self, filename: str, resources: Any) -> bool:
        coursedir, of = self._coursedir, (resources or {}).get("nbgrader")
        if not of:
            return False
        folder = coursedir.format_path(coursedir.submitted_directory, of["student"], of["assignment"])
        return os.path.dirname(os.path.abspath(filename)) == os.path.abspath(folder)

    def _rebuilt(self, path: Path, assignment: str) -> Rebuilt:
        instructor = _released(self._course, assignment, path.name)
        try:
            submission, notes = submitted_notebook(path.parent, path.stem, _handed_out_names(self._course, assignment))
        except SubmissionError as error:
            return unanswered(instructor, str(error))
        rebuilt = rebuild(instructor, submission)
        return Rebuilt(rebuilt.notebook, (*notes, *rebuilt.notes))


class GradeInSandbox(NbGraderPreprocessor):
    """In place of nbgrader's Execute: hidden checks decide the marker cells, and the notebook runs to be looked at.

    A notebook without hidden checks is run with its own tests in it, as nbgrader would, but in the sandbox.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        services: Services = self.parent.services
        of = resources["nbgrader"]
        notes = tuple(nb.metadata.pop("assay", {}).get("notes", ()))
        name = exercise_name(of["assignment"], of["notebook"])
        if services.course.has_checks(name):
            exercise = services.course[name]
            submitted = side_files(Path(resources["metadata"]["path"]), exercise.files)
            files = {**_handed_out(exercise), **submitted}
            report = services.report(exercise, source_of(nb), notes=notes, files=files)
            save_report(services.course, of["student"], report)
            self._look_at(nb, exercise, files)
            _fill_markers(nb, exercise, report)
            resources["assay"] = {"undecided": sorted({check.task for check in report.broken})}
            self._tell_staff(of["student"], report)
            notes = report.notes
        else:
            if services.course.exercises_of(of["assignment"]) and any(map(is_marker, nb.cells)):
                self.log.warning(TESTS_INSIDE, of["notebook"])
            run_with_tests(nb, services, Path(resources["metadata"]["path"]))
        shorten_code(nb.cells)
        nb = nbformat.from_dict(nb)  # what was put in is made of plain dicts
        by_hand = [c.metadata.nbgrader.grade_id for c in nb.cells if is_grade(c) and determine_grade(c)[0] is None]
        if notes or by_hand:
            nb.cells.insert(0, nbformat.from_dict(notes_cell(notes, by_hand)))
        return nb, resources

    def _look_at(self, nb: Any, exercise: Exercise, files: dict[str, bytes]) -> None:
        """Run the notebook for people to look at. No score depends on it, so it may go wrong."""
        libraries = (*exercise.libraries, *exercise.notebook_libraries)
        try:
            ran = self.parent.services.run(to_run(nb, markers=False), libraries, files, exercise.limits)
            take_outputs(nb, ran, markers=False)
        except (AssayError, ValueError) as error:
            self.log.warning("The notebook is shown without outputs: %s", error)

    def _tell_staff(self, student: str, report: Report) -> None:
        for check in report.broken:
            self.log.warning(
                "The check %s could not judge %s and costs no points; %s is marked for grading by hand. %s",
                check.name, student, check.task, check.staff_note,
            )  # fmt: skip


class FlagUndecided(NbGraderPreprocessor):
    """After SaveAutoGrades: tasks with a check that is broken wait for a person."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        of = resources["nbgrader"]
        undecided = (resources.get("assay") or {}).get("undecided", ())
        if undecided:
            with Gradebook(of["db_url"]) as gradebook:
                for task in undecided:
                    grade = gradebook.find_grade(task, of["notebook"], of["assignment"], of["student"])
                    grade.needs_manual_grade = True
                gradebook.db.commit()
        return nb, resources


def _handed_out_names(course: Course, assignment: str) -> frozenset[str]:
    return frozenset(path.name for path in (course.release / assignment).glob("*.ipynb"))


def _released(course: Course, assignment: str, name: str) -> dict[str, Any]:
    """The notebook as it was handed out. Raises CourseError where there is none."""
    path = course.release / assignment / name
    if not path.is_file():
        raise CourseError(f"{path} is not there. Build it with `nbgrader generate_assignment {assignment}`.")
    return read_json(path)


def _handed_out(exercise: Exercise) -> dict[str, bytes]:
    source = exercise.notebook.parent
    names = (path.relative_to(source).as_posix() for path in source.rglob("*") if path.suffix != ".ipynb")
    return side_files(source, sorted(names))


def _fill_markers(nb: Any, exercise: Exercise, report: Report) -> None:
    tasks = {task.name: task for task in exercise.tasks}
    markers = {cell.metadata.nbgrader.grade_id: cell for cell in nb.cells if is_marker(cell)}
    if {name: float(cell.metadata.nbgrader.points) for name, cell in markers.items()} != {
        name: task.points for name, task in tasks.items()
    }:
        raise CourseError(
            f"release/ does not have the tasks and points of {exercise.notebook}. Build it anew with "
            f"`nbgrader generate_assignment {exercise.assignment}`."
        )
    for name, cell in markers.items():
        cell.outputs = marker_outputs(
            as_html(report.for_task(name)),
            as_text(Report(report.assignment, report.for_task(name)), (tasks[name],)),
            report.score(name, tasks[name].points),
        )
