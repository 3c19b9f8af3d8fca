"""Which examples are drawn: the course secret, the version of a suite and the name of a round.

Everyone graded with the same suite in the same round is judged on the same examples; nobody can predict those of
the next round; and a report names its round, so that an appeal can draw the same ones again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path

import assay
from assay.course import Course, Exercise
from assay.errors import CourseError
from assay.outcome import Report, from_json, to_json

SECRET_BYTES = 32
SETTLED = 2 * 10**9  # nanoseconds after which another change of a file gives it another time

Look = tuple[int, int, int]  # inode, bytes and time of the last change of a file
_seen: dict[Path, tuple[tuple[tuple[str, Look], ...], str]] = {}  # by folder; what was not changed is not read again


def course_secret(course: Course) -> bytes:
    """The 32 secret bytes of a course, made at first use and readable by its owner alone.

    Raises CourseError where the file cannot be made or read, or is not as it was made.
    """
    path = course.secret
    try:
        if not path.exists():
            _create_once(path, secrets.token_bytes(SECRET_BYTES))
        secret = path.read_bytes()
    except OSError as error:
        raise CourseError(f"The course secret {path} cannot be used ({error}). Make it readable to you.") from error
    if len(secret) != SECRET_BYTES:
        raise CourseError(f"The course secret {path} is damaged. Restore it, or remove it and start a new round.")
    return secret


def suite_version(exercise: Exercise) -> str:
    """16 hexadecimal digits that change with anything that decides a score or the examples drawn.

    That is: every file of the exercise folder that does not belong to a further notebook, the instructor's notebook,
    the check library, and the versions of what draws the inputs.
    """
    files = tuple(_decisive(exercise))
    looks = tuple((name, _look(path)) for name, path in files)
    known = _seen.get(exercise.folder)
    if known is not None and known[0] == looks:
        return known[1]
    digest = hashlib.sha256()
    for name, content in (*((name, path.read_bytes()) for name, path in files), ("versions", _versions_of_libraries())):
        digest.update(f"{len(name)} {name} {len(content)} ".encode() + content)
    found = digest.hexdigest()[:16]
    if all(time.time_ns() - changed > SETTLED for _, (_, _, changed) in looks):
        _seen[exercise.folder] = looks, found
    return found


def round_name(day: date | None = None) -> str:
    """The name of a round that lasts a day. Appeals and final regrades pass a name of their own instead."""
    return (day or date.today()).isoformat()


def draw_secret(secret: bytes, *, suite: str, round: str) -> bytes:
    """The 32 bytes from which one round of one suite draws: all that a judge is told of the course secret."""
    return hmac.new(secret, json.dumps([suite, round]).encode(), hashlib.sha256).digest()


def save_report(course: Course, student: str, report: Report) -> Path:
    """Keep a full report for staff, in place of the one before. Returns its path. Raises CourseError."""
    path = course.report(report.assignment, student)
    try:
        _private_folder(path.parent)
        _replace(path, to_json(report).encode())
    except OSError as error:
        raise CourseError(f"The report {path} cannot be written ({error}). Make room or grant access.") from error
    return path


def load_report(course: Course, exercise: str, student: str) -> Report | None:
    """The latest report for staff, or None where nothing was graded. Raises CourseError where it is damaged."""
    path = course.report(exercise, student)
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"The report {path} cannot be read ({error}). Grade this submission again.") from error


def _decisive(exercise: Exercise) -> Iterator[tuple[str, Path]]:
    library = Path(assay.__path__[0], "checks")
    for folder, files in ((exercise.folder, exercise.own_files), (library, sorted(library.rglob("*")))):
        for path in files:
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{folder.name}/{path.relative_to(folder).as_posix()}", path
    yield "notebook", exercise.notebook


def _look(path: Path) -> Look:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_ctime_ns


def _versions_of_libraries() -> bytes:
    return json.dumps([assay.__version__, version("numpy"), version("hypothesis")]).encode()


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _replace(path: Path, content: bytes) -> None:
    """Write a whole file or nothing; mkstemp makes it readable by its owner alone."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _create_once(path: Path, content: bytes) -> None:
    """Write a file unless another process was first; readers never see half of it."""
    _private_folder(path.parent)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink(missing_ok=True)
