"""release/ from source/, with nbgrader's own converter, and whether it is what source/ would give."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import BaseConverter, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import capture_log
from sqlalchemy.exc import DBAPIError
from traitlets.config import Config, PyFileConfigLoader

from assay.course import Course
from assay.errors import CourseError, GradebookError
from assay.notebook.nbgrader import configure
from assay.notebook.nbgrader_opened import opened_gradebook

CONFIG = "nbgrader_config.py"
LEFT_BEHIND = {".ipynb_checkpoints", ".pytest_cache", "__pycache__"}


def release(course: Course, assignment: str) -> Path:
    """Build release/<assignment> and write the assignment to the gradebook. Returns the folder.

    The same source gives the same files. Raises CourseError where the assignment is not there, and GradebookError
    where nbgrader refuses, as it does when cells are added or removed after the first submission.
    """
    _insist_on_source(course, assignment)
    converter = GenerateAssignment(**settings(course, assignment))
    converter.force = True
    run(converter, f"release/{assignment} was not built")
    return course.release / assignment


def is_up_to_date(course: Course, assignment: str) -> bool:
    """Whether release/<assignment> holds exactly what its source gives."""
    return build(course, assignment) == released(course, assignment)


def build(course: Course, assignment: str) -> dict[str, bytes]:
    """What release/<assignment> ought to hold, by relative path. Writes neither there nor to the gradebook."""
    _insist_on_source(course, assignment)
    with tempfile.TemporaryDirectory() as folder:
        arguments = settings(course, assignment)
        arguments["coursedir"].release_directory = folder
        arguments["config"].SaveCells.enabled = False
        converter = GenerateAssignment(**arguments)
        converter.no_database = True
        run(converter, f"{assignment} cannot be built from its source")
        return _files(Path(folder) / "." / assignment)


def released(course: Course, assignment: str) -> dict[str, bytes]:
    """What release/<assignment> holds, by relative path."""
    return _files(course.release / assignment)


def is_registered(course: Course, assignment: str) -> bool:
    """Whether the gradebook knows the assignment and its notebooks have been handed out."""
    notebooks = [path.stem for path in (course.release / assignment).glob("*.ipynb")]
    if not notebooks:
        return False
    with open_gradebook(course) as gradebook:
        try:
            known = {notebook.name for notebook in gradebook.find_assignment(assignment).notebooks}
        except MissingEntry:
            return False
    return set(notebooks) <= known


def settings(course: Course, assignment: str, student: str = "*") -> dict[str, Any]:
    """Arguments for one of nbgrader's converters: the course's own configuration, and Assay's on top."""
    config = Config()
    if (course.root / CONFIG).is_file():
        config = PyFileConfigLoader(CONFIG, path=str(course.root)).load_config()
    configure(config)
    config.CourseDirectory.root = str(course.root)
    coursedir = CourseDirectory(config=config)
    coursedir.assignment_id = assignment
    coursedir.student_id = student
    return {"coursedir": coursedir, "config": config}


def run(converter: BaseConverter, failed: str) -> str:
    """Run a converter to its end. Returns what it logged; raises GradebookError with the end of it."""
    with quiet():
        outcome = capture_log(converter)
    log = str(outcome.get("log", ""))
    if not outcome["success"]:
        raised = str(outcome.get("error", "")).strip().rpartition("\n")[2]
        if raised.startswith("KeyboardInterrupt"):  # which nbgrader takes for an error like any other
            raise KeyboardInterrupt
        reason = _last_error(log) or raised
        raise GradebookError(f"{failed}: {reason}")
    return log


@contextmanager
def open_gradebook(course: Course) -> Iterator[Gradebook]:
    """The gradebook that the course's configuration names. Raises GradebookError where it cannot be read or written."""
    url = settings(course, "")["coursedir"].db_url
    try:
        with quiet(), opened_gradebook(url) as gradebook:
            yield gradebook
    except DBAPIError as error:
        raise GradebookError(
            f"The gradebook {url} cannot be used ({error.orig}). Close what holds it open and try again; if it is "
            "damaged, restore a copy."
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that nbgrader's use of SQLAlchemy and of old interfaces causes; nobody can act on them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _insist_on_source(course: Course, assignment: str) -> None:
    if assignment not in course.assignments:
        raise CourseError(f"There is no notebook in {course.source / assignment}. Write one (docs/authors.md).")


def _last_error(log: str) -> str:
    """What went wrong, from the end of the last traceback in a log, or else from its last line of ours."""
    raised = re.findall(r"^\s*(?:\w+\.)*\w*(?:Error|Exception|Entry): (.*)", log, flags=re.MULTILINE)
    return (raised or re.findall(r"^\[ERROR\] (.*)", log, flags=re.MULTILINE) or [""])[-1]


def _files(folder: Path) -> dict[str, bytes]:
    """Contents by relative path, without what Jupyter and Python leave behind when somebody looks at a folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and not LEFT_BEHIND & set(path.parts))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
