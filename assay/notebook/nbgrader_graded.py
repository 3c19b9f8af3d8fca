"""The graded notebook: the instructor's with a student's texts, judged, run to be looked at, and ready to be scored.

nbgrader's own commands (`nbgrader`) and `assay grade` (`nbgrader_submission`) both make it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.utils import determine_grade, is_grade

from assay.course import Course, Exercise, exercise_name, read_json
from assay.errors import AssayError, CourseError, SubmissionError
from assay.feedback.html import as_html
from assay.feedback.text import as_text
from assay.notebook.extract import Rebuilt, rebuild, source_of, unanswered
from assay.notebook.files import side_files
from assay.notebook.meanwhile import meanwhile
from assay.notebook.nbgrader_admission import submitted_notebook
from assay.notebook.nbgrader_services import Services
from assay.notebook.nbgrader_stock import run_with_tests
from assay.notebook.shown import shorten_code
from assay.notebook.visible import is_marker, marker_outputs, notes_cell, take_outputs, to_run
from assay.outcome import Report

Warn = Callable[[str], object]


@dataclass(frozen=True)
class HandedOut:
    """A notebook of an assignment as students got it, and how it is graded."""

    assignment: str
    name: str
    exercise: Exercise | None  # None: by the tests that stand in it
    notebook: dict[str, Any]
    notebooks: frozenset[str]  # file names of all notebooks of the assignment
    files: Mapping[str, bytes]  # beside it in source/, for whoever runs its code
    tests_inside: bool  # beside notebooks with hidden checks, this one has tests of its own


def handed_out(course: Course, assignment: str, name: str) -> HandedOut:
    """Raises CourseError where the notebook is not in release/ or its exercise cannot be used."""
    path = course.release / assignment / f"{name}.ipynb"
    if not path.is_file():
        raise CourseError(f"{path} is not there. Build it with `nbgrader generate_assignment {assignment}`.")
    notebook = read_json(path)
    known = exercise_name(assignment, name)
    exercise = course[known] if course.has_checks(known) else None
    return HandedOut(
        assignment=assignment,
        name=name,
        exercise=exercise,
        notebook=notebook,
        notebooks=frozenset(other.name for other in path.parent.glob("*.ipynb")),
        files={} if exercise is None else _beside(exercise),
        tests_inside=exercise is None
        and bool(course.exercises_of(assignment))
        and any(is_marker({"metadata": {}, **cell}) for cell in notebook.get("cells", [])),
    )


def rebuilt(given: HandedOut, folder: Path) -> Rebuilt:
    """What a submission's folder holds of a notebook, on the instructor's; never fails on a submission."""
    try:
        submission, notes = submitted_notebook(folder, given.name, given.notebooks)
    except SubmissionError as error:
        return unanswered(given.notebook, str(error))
    found = rebuild(given.notebook, submission)
    return Rebuilt(found.notebook, (*notes, *found.notes))


def graded(
    nb: Any, given: HandedOut, folder: Path, student: str, notes: tuple[str, ...], services: Services, warn: Warn
) -> tuple[Any, Report | None]:
    """The notebook with outputs, with what hidden checks say in its marker cells, and with notes for the student.

    A notebook without hidden checks is run with its own tests in it, as nbgrader would, but in the sandbox.
    Raises SandboxError, CourseError or SubmissionError where it cannot be graded.
    """
    report = None
    if given.exercise is not None:
        files = {**given.files, **side_files(folder, given.exercise.files)}
        ran = _running(nb, given.exercise, files, services)
        report = services.report(student, given.exercise, source_of(nb), notes=notes, files=files)
        _take_over(nb, ran, warn)
        _fill_markers(nb, given.exercise, report)
        _tell_staff(student, report, warn)
        notes = report.notes
    else:
        if given.tests_inside:
            warn(
                f"The tests of {given.name}.ipynb stand in it, where a student's code can read hidden ones and forge "
                "a score."
            )
        run_with_tests(nb, services, folder)
    shorten_code(nb["cells"])
    nb = nbformat.from_dict(nb)  # what was put in is made of plain dicts
    by_hand = [c.metadata.nbgrader.grade_id for c in nb.cells if is_grade(c) and determine_grade(c)[0] is None]
    if notes or by_hand:
        nb.cells.insert(0, nbformat.from_dict(notes_cell(notes, by_hand)))
    return nb, report


def undecided(report: Report | None) -> tuple[str, ...]:
    """The tasks that wait for a person because a check of theirs is broken."""
    return () if report is None else tuple(sorted({check.task for check in report.broken}))


def _beside(exercise: Exercise) -> dict[str, bytes]:
    source = exercise.notebook.parent
    names = (path.relative_to(source).as_posix() for path in source.rglob("*") if path.suffix != ".ipynb")
    return side_files(source, sorted(names))


def _running(nb: Any, exercise: Exercise, files: Mapping[str, bytes], services: Services) -> Callable[[], str]:
    """The run of the notebook for people to look at: under way by now, or begun when it is asked for."""
    run = partial(services.run_exercise, exercise, to_run(nb, markers=False), files)
    alone = exercise.gpu != "never"  # the checks shall not wait until the notebook gives the device back
    return meanwhile(run) if services.at_once and not alone else run


def _take_over(nb: Any, ran: Callable[[], str], warn: Warn) -> None:
    """Put the outputs of a run into the notebook. No score depends on it, so it may go wrong."""
    try:
        take_outputs(nb, ran(), markers=False)
    except (AssayError, ValueError) as error:
        warn(f"The notebook is shown without outputs: {error}")


def _tell_staff(student: str, report: Report, warn: Warn) -> None:
    for check in report.broken:
        warn(
            f"The check {check.name} could not judge {student} and costs no points; {check.task} is marked for "
            f"grading by hand. {check.staff_note}"
        )


def _fill_markers(nb: Any, exercise: Exercise, report: Report) -> None:
    tasks = {task.name: task for task in exercise.tasks}
    markers = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in nb["cells"] if is_marker(cell)}
    if {name: float(cell["metadata"]["nbgrader"]["points"]) for name, cell in markers.items()} != {
        name: task.points for name, task in tasks.items()
    }:
        raise CourseError(
            f"release/ does not have the tasks and points of {exercise.notebook}. Build it anew with "
            f"`nbgrader generate_assignment {exercise.assignment}`."
        )
    for name, cell in markers.items():
        cell["outputs"] = marker_outputs(
            as_html(report.for_task(name)),
            as_text(Report(report.assignment, report.for_task(name)), (tasks[name],)),
            report.score(name, tasks[name].points),
        )
