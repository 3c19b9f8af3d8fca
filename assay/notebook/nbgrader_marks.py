"""What is noted of a graded submission, so that it is not graded again while nothing that decides its grades changes.

A mark is written last, after files and gradebook, and taken away before either is touched: whenever a run ends, what
has a mark is as the mark says, and what has none is graded by the next run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import assay
from assay.course import Course, exercise_name
from assay.grading.rounds import suite_version


@dataclass(frozen=True)
class Mark:
    """On what a submission was graded, and what was written."""

    submission: str  # `files.digest_of` its folder
    suite: str  # `suite_of` its assignment
    written: Mapping[str, int] = field(default_factory=dict)  # bytes of each notebook in autograded/, by file name
    page: str = ""  # what its feedback page shows, see `nbgrader_feedback`


def read_mark(course: Course, assignment: str, student: str) -> Mark | None:
    """None where there is none that can be read."""
    try:
        data = json.loads(course.mark(assignment, student).read_bytes())
        mark = Mark(**data)
    except (OSError, ValueError, TypeError):
        return None
    return mark if isinstance(mark.written, dict) else None


def write_mark(course: Course, assignment: str, student: str, mark: Mark) -> None:
    """Write it as a whole. One that a power cut leaves damaged cannot be read, and counts as none."""
    path = course.mark(assignment, student)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(asdict(mark)), encoding="ascii")
    os.replace(new, path)


def forget(course: Course, assignment: str, student: str) -> None:
    """Have a submission graded again by the next run."""
    course.mark(assignment, student).unlink(missing_ok=True)


def is_written(mark: Mark, folder: Path) -> bool:
    """Whether the notebooks of a mark are still in their folder, as long as they were."""
    try:
        return all((folder / name).stat().st_size == size for name, size in mark.written.items())
    except OSError:
        return False


def suite_of(course: Course, assignment: str) -> str:
    """32 hexadecimal digits that change with anything but a submission that decides how it is graded.

    That is the version of each exercise's suite, what lies in release/ and in source/ for this assignment, and ours.
    """
    digest = hashlib.sha256(assay.__version__.encode())
    for folder in (course.release / assignment, course.source / assignment):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts):
                name, content = path.relative_to(folder).as_posix(), path.read_bytes()
                digest.update(f"{len(name)} {name} {len(content)} ".encode() + content)
    for path in sorted((course.release / assignment).glob("*.ipynb")):
        name = exercise_name(assignment, path.stem)
        if course.has_checks(name):
            digest.update(suite_version(course[name]).encode())
    return digest.hexdigest()[:32]
