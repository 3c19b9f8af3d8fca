"""nbgrader grades through Assay: `configure(c)` in nbgrader_config.py, and the parts that it puts in place.

Only public configuration: the exporter reads submissions (rebuilt from the instructor's notebook), GradeInSandbox
stands where nbgrader's Execute did, FlagUndecided follows SaveAutoGrades. `nbgrader autograde`, NbGraderAPI and
formgrader's button all use them.
"""

from __future__ import annotations

import os
import sys
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from assay.course import Course
from assay.grading.rounds import save_report
from assay.notebook.nbgrader_admission import admit
from assay.notebook.nbgrader_graded import graded, handed_out, rebuilt, undecided
from assay.notebook.nbgrader_marks import forget
from assay.notebook.nbgrader_services import Services

HERE = "assay.notebook.nbgrader"
OF_THE_PREPROCESSORS = "nbgrader.preprocessors"


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
    config.GenerateFeedback.exporter_class = "assay.notebook.nbgrader_pages.FeedbackExporter"
    config.GenerateFeedback.preprocessors = [
        "assay.notebook.nbgrader_grades.GradesOfPages",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
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
        read = rebuilt(handed_out(self._course, resources["nbgrader"]["assignment"], path.stem), path.parent)
        node = nbformat.from_dict(read.notebook)
        node.metadata["assay"] = {"notes": list(read.notes)}
        return self.from_notebook_node(node, resources=resources, **kwargs)

    def _is_submitted(self, filename: str, resources: Any) -> bool:
        coursedir, of = self._coursedir, (resources or {}).get("nbgrader")
        if not of:
            return False
        folder = coursedir.format_path(coursedir.submitted_directory, of["student"], of["assignment"])
        return os.path.dirname(os.path.abspath(filename)) == os.path.abspath(folder)


class GradeInSandbox(NbGraderPreprocessor):
    """In place of nbgrader's Execute: hidden checks decide the marker cells, and the notebook runs to be looked at."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        services: Services = self.parent.services
        of = resources["nbgrader"]
        notes = tuple(nb.metadata.pop("assay", {}).get("notes", ()))
        given = handed_out(services.course, of["assignment"], of["notebook"])
        folder = Path(resources["metadata"]["path"])
        forget(services.course, of["assignment"], of["student"])  # `assay grade` would not know what it was graded on
        nb, report = graded(nb, given, folder, of["student"], notes, services, partial(self.log.warning, "%s"))
        if report is not None:
            save_report(services.course, of["student"], report)
        resources["assay"] = {"undecided": undecided(report)}
        return nb, resources


class FlagUndecided(NbGraderPreprocessor):
    """After SaveAutoGrades: tasks with a check that is broken wait for a person."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        of = resources["nbgrader"]
        if tasks := (resources.get("assay") or {}).get("undecided", ()):
            with Gradebook(of["db_url"]) as gradebook:
                for task in tasks:
                    grade = gradebook.find_grade(task, of["notebook"], of["assignment"], of["student"])
                    grade.needs_manual_grade = True
                gradebook.db.commit()
        return nb, resources
