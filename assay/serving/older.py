"""Grading an attempt that no longer counts, beside the course: its gradebook and files stay those of a newer attempt.

As in nbgrader, a student's latest submission is the one in the gradebook. An older one still gets a result and feedback
of its own, when it is graded late or again: in a course folder of its own that lives as long as that takes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.course import Course
from assay.errors import CourseError
from assay.grading.rounds import course_secret
from assay.notebook.nbgrader_release import CONFIG, open_gradebook, release

# Its own configuration, but for where the grades go.
_CONFIGURATION = """\
c = get_config()
load_subconfig({name!r}, path={folder!r})
c.CourseDirectory.db_url = {url!r}
"""


@contextmanager
def beside(course: Course, assignment: str) -> Iterator[Course]:
    """A course with one assignment like that of another, and an empty gradebook.

    Raises CourseError where it cannot be made, and GradebookError.
    """
    course.older.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=course.older) as folder:
        copy = Course(Path(folder), course.name)
        try:
            _lay_out(course, copy, assignment)
        except OSError as error:
            raise CourseError(
                f"{course.older} cannot hold a copy of {assignment} ({error}). Make room, then try again."
            ) from error
        release(copy, assignment)
        _same_due_date(course, copy, assignment)
        yield copy


def clear_away(course: Course) -> None:
    """Remove what a worker that was killed has left; no other may be at it."""
    shutil.rmtree(course.older, ignore_errors=True)


def _lay_out(course: Course, copy: Course, assignment: str) -> None:
    for place, to in ((course.source, copy.source), (course.graders, copy.graders)):
        if (place / assignment).is_dir():
            shutil.copytree(place / assignment, to / assignment)
    course_secret(course)  # made at first use
    copy.secret.parent.mkdir(mode=0o700)
    shutil.copy2(course.secret, copy.secret)
    if (course.root / CONFIG).is_file():
        text = _CONFIGURATION.format(name=CONFIG, folder=str(course.root), url=f"sqlite:///{copy.gradebook}")
        (copy.root / CONFIG).write_text(text, encoding="utf-8")


def _same_due_date(course: Course, copy: Course, assignment: str) -> None:
    """Lateness counts from the same moment."""
    with open_gradebook(course) as gradebook:
        due = gradebook.find_assignment(assignment).duedate
    with open_gradebook(copy) as gradebook:
        gradebook.find_assignment(assignment).duedate = due
        gradebook.db.commit()
