"""What of `submitted/` nbgrader gets to see.

nbgrader copies whatever lies in a submission folder, following links, and reads its time stamp before anything else.
So all submissions of a run are looked through before the first of them is touched: when the converter builds its
exporter, which comes after it has listed the folders and before everything else. That is also where a submission
without the right notebook is given one to be graded on, so that it ends with an explained zero.
"""

from __future__ import annotations

import glob
import os
import re
from dataclasses import replace
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.utils import parse_utc

from assay.course import Course
from assay.errors import AssayError, SubmissionError
from assay.notebook.files import Admission, is_plain_folder, printable, read_regular, set_aside

OF_NBGRADER = ("timestamp.txt", "submission_secret.txt")
STOCK_WARNING = (
    "%s has no folder in graders/, so it is graded as stock nbgrader does: its tests stand in the notebook, where a "
    "student's code can read hidden tests and forge a score. The sandbox keeps it from the gradebook and from other "
    "submissions, no more. To move it over, give each task a locked marker cell and put its checks into graders/%s/ "
    "(docs/authors.md)."
)


def admit(converter: Autograde) -> None:
    """Screen the submissions of a run; those that cannot be made safe are left out and logged as errors.

    Raises NbGraderException where none is left or the course cannot be used.
    """
    course = Course(Path(converter.coursedir.root))
    admissions: dict[str, Admission] = {}
    _leave_out_unnameable(converter)
    for folder, assignment, student in _folders(converter):
        try:
            if assignment not in admissions:
                admissions[assignment] = admission_of(course, assignment, tuple(converter.coursedir.ignore))
                if not course.exercises_of(assignment):
                    converter.log.warning(STOCK_WARNING, assignment, assignment)
            for warning in screen(course, Path(folder), assignment, student, admissions[assignment]):
                converter.log.warning("%s", warning)
            _list_notebooks(converter, course, folder, assignment)
        except (OSError, SubmissionError) as error:
            converter.log.error("%s is not graded: %s", folder, error)
            converter.assignments.pop(folder, None)
            continue
        except AssayError as error:
            converter.log.error("%s", error)
            raise NbGraderException(str(error)) from error
    if not converter.assignments:
        raise NbGraderException("No submission could be graded; the log says why.")


def admission_of(course: Course, assignment: str, ignored: tuple[str, ...]) -> Admission:
    """What may lie in a submission of an assignment: what its exercises take and what was handed out.

    Of an assignment without hidden checks, whatever a browser would not run.
    """
    names = _names(course, assignment) if course.exercises_of(assignment) else None
    return Admission(names, ignored)


def screen(course: Course, folder: Path, assignment: str, student: str, admission: Admission) -> tuple[str, ...]:
    """Move what may not stay out of a submission's folder, and say what it was.

    Raises SubmissionError where the folder is a link, and OSError where something cannot be moved.
    """
    if not (is_plain_folder(folder) and is_plain_folder(folder.parent)):
        raise SubmissionError("it is a link, not a folder. Remove it and collect the submission again.")
    if not _is_timestamp(folder / "timestamp.txt"):
        admission = replace(admission, refused={"timestamp.txt": "does not hold a time"})
    away = course.root / "set_aside" / student / assignment
    return tuple(
        f"{moved.name} of {student} {moved.reason}; it was set aside in {away}"
        for moved in set_aside(folder, away, admission)
    )


def submitted_notebook(folder: Path, name: str, handed_out: frozenset[str]) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of a submission's notebook, and what the student should know about where they were found.

    A single notebook that was not handed out is taken for the only one of `handed_out` that is missing.
    Raises SubmissionError.
    """
    wanted = folder / f"{name}.ipynb"
    submitted = {path.name for path in folder.glob("*.ipynb")} if is_plain_folder(folder) else set()
    missing = {other for other in handed_out | {wanted.name} if not os.path.lexists(folder / other)}
    others = sorted(submitted - handed_out - {wanted.name})
    if missing == {wanted.name} and len(others) == 1:
        found = "the only notebook in it" if len(submitted) == 1 else "the only other notebook in it"
        note = f"{name}.ipynb is not in the submission; {found} was taken for it."
        return read_regular(folder / others[0]), (note,)
    return read_regular(wanted), ()


def _folders(converter: Autograde) -> list[tuple[str, str, str]]:
    """Folder, assignment and student of each submission, those without a notebook too."""
    coursedir = converter.coursedir
    step = coursedir.submitted_directory
    pattern = coursedir.format_path(step, coursedir.student_id, coursedir.assignment_id)
    found = []
    # An id may look like a pattern: where that very folder is all there is to grade, it is not one.
    matching = [] if set(converter.assignments) == {pattern} else glob.glob(pattern)
    for folder in sorted({*converter.assignments, *matching}):
        match = _match(converter, folder)
        if match and os.path.isdir(folder):
            found.append((folder, match["assignment"], match["student"]))
    return found


def _match(converter: Autograde, folder: str) -> re.Match[str] | None:
    coursedir = converter.coursedir
    names = coursedir.format_path(coursedir.submitted_directory, "(?P<student>.*)", "(?P<assignment>.*)", escape=True)
    return re.fullmatch(names, folder)


def _leave_out_unnameable(converter: Autograde) -> None:
    """nbgrader ends the whole run at a folder whose name holds a new line, which its patterns do not match."""
    for folder in [folder for folder in converter.assignments if _match(converter, folder) is None]:
        converter.log.error("%s is not graded: its name holds a new line. Rename it.", printable(folder, most=500))
        del converter.assignments[folder]


def _names(course: Course, assignment: str) -> frozenset[str]:
    """Files that may lie beside a notebook: those its exercises take and those that were handed out."""
    source = course.source / assignment
    handed_out = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    taken = {name for exercise in course.exercises_of(assignment) for name in course[exercise].files}
    return frozenset({*taken, *handed_out, *OF_NBGRADER})


def _list_notebooks(converter: Autograde, course: Course, folder: str, assignment: str) -> None:
    """Have the handed out notebooks graded, whether or not they were submitted."""
    if converter.coursedir.notebook_id == "*":
        names = sorted(path.name for path in (course.release / assignment).glob("*.ipynb"))
        converter.assignments[folder] = [os.path.join(folder, name) for name in names]


def _is_timestamp(path: Path) -> bool:
    """Whether nbgrader can read the time of a submission; none at all is fine."""
    try:
        text = read_regular(path, most=200).decode("ascii").strip()
        parse_utc(text) if text else None
    except SubmissionError:
        return not os.path.lexists(path)
    except (ValueError, OverflowError):
        return False
    return True
