"""The short tour: release the assignments, grade the sample submissions, show what a student and a grader see."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from assay.course import Course
from assay.errors import CourseError, SandboxError
from assay.notebook.nbgrader_release import is_up_to_date, release
from assay.notebook.nbgrader_services import Services
from assay.sandbox.isolation import choose, open_door
from assay.terminal import grade_and_print

COPIED = ("source", "graders")
CONFIG = "nbgrader_config.py"


def run_demo(course: Course, *, force: bool = False, jobs: int = 1) -> int:
    """Build release/, then grade examples/<student>/<assignment> in the folder demo/, a course of its own."""
    console = Console()
    examples = course.root / "examples"
    if not examples.is_dir():
        raise CourseError(f"{examples} is not there. Run the demo in a copy of the project, where it comes along.")
    demo = Course(course.root / "demo")
    _lay_out(course, examples, demo)
    for assignment in course.assignments:
        if not is_up_to_date(course, assignment):
            release(course, assignment)
        console.print(f"release/{assignment} is built from source/{assignment}")
    with closing(_services(demo, console)) as services:
        status = grade_and_print(demo, demo.assignments, force=force, jobs=jobs, services=services, most_tables=100)
    console.print(
        f"\nThe demo is a course folder like yours: {demo.root}. Grade it anew with [bold]assay demo --force[/]."
    )
    return status


def _services(demo: Course, console: Console) -> Services:
    """With a sandbox if there is one; without, since these submissions are ours, and saying so."""
    try:
        return Services.within(demo, choose())
    except SandboxError as error:
        console.print(f"[yellow]{escape(str(error))}[/]\nThe samples are our own, so the demo goes on unprotected.")
        return Services.within(demo, open_door())


def _lay_out(course: Course, examples: Path, demo: Course) -> None:
    """Copy the course and hand in the samples. What was graded before stays as it is."""
    demo.root.mkdir(exist_ok=True)
    for name in COPIED:
        shutil.copytree(course.root / name, demo.root / name, dirs_exist_ok=True)
    if (course.root / CONFIG).is_file():
        shutil.copy2(course.root / CONFIG, demo.root / CONFIG)
    for folder in sorted(examples.glob("*/*/")):
        shutil.copytree(folder, demo.submitted / folder.parent.name / folder.name, dirs_exist_ok=True)
