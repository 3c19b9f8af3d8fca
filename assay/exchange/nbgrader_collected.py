"""An attempt as nbgrader grades it: submitted/<student>/<assignment>/, with the time of the server and the extension.

nbgrader counts lateness from the due date in the gradebook and the extension of a student there. Here both follow the
exchange, so that a student who is in time for the server is in time for nbgrader too: with an extension that was given
before there was a submission, and within the grace.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from assay.course import Course
from assay.exchange.folders import Contents, write_folder
from assay.exchange.nbgrader_exchange import stamp
from assay.exchange.policy import Extension, Policy, due_for
from assay.exchange.records import Attempt

TIMESTAMP = "timestamp.txt"  # what a student submitted under this name is left out


def collect_attempt(
    course_root: Path, attempt: Attempt, contents: Contents, policy: Policy, extension: Extension | None
) -> Path:
    """Lay an attempt out for grading, in place of an earlier one of the student, and note until when it was in time.

    Returns its folder. Raises ExchangeError where it cannot be written, and what `contents` raises.
    """
    course = Course(course_root)
    folder = course.submitted / attempt.student / attempt.assignment
    write_attempt(folder, attempt, contents)
    note_due(f"sqlite:///{course.gradebook.resolve()}", attempt, policy, extension)
    return folder


def write_attempt(folder: Path, attempt: Attempt, contents: Contents) -> None:
    """The files of an attempt and its timestamp.txt: all of them at once, or none. Raises as `collect_attempt`."""
    theirs = ((path, blocks) for path, blocks in contents if path.split("/")[0] != TIMESTAMP)
    ours = ((path, [text.encode()]) for path, text in ((TIMESTAMP, stamp(attempt.submitted)),))
    write_folder(folder, (one for part in (theirs, ours) for one in part))


def note_due(db_url: str, attempt: Attempt, policy: Policy, extension: Extension | None) -> bool:
    """Have the gradebook count lateness as the exchange does; whether the due date in it was another one.

    Where the exchange has no due date, or the gradebook does not know the assignment yet, nothing changes.
    """
    if policy.due is None:
        return False
    with Gradebook(db_url) as gradebook:
        try:
            assignment = gradebook.find_assignment(attempt.assignment)
        except MissingEntry:
            return False
        due = policy.due.astimezone(UTC).replace(tzinfo=None)
        changed = assignment.duedate != due
        if changed:
            assignment.duedate = due
            gradebook.db.commit()
        _extend(gradebook, attempt, in_time_until(attempt.submitted, policy, extension) - policy.due)
    return changed


def in_time_until(submitted: datetime, policy: Policy, extension: Extension | None) -> datetime:
    """The moment from which the lateness of a submission is counted: who misses the grace has none.

    Of a policy with a due date.
    """
    due = due_for(policy, extension)
    assert due is not None
    return due + policy.grace if due < submitted <= due + policy.grace else due


def _extend(gradebook: Gradebook, attempt: Attempt, more: timedelta) -> None:
    """nbgrader keeps an extension in the row of a submission, which is made where there is none yet."""
    try:
        submission = gradebook.find_submission(attempt.assignment, attempt.student)
    except MissingEntry:
        if not more:
            return
        gradebook.update_or_create_student(attempt.student)
        submission = gradebook.update_or_create_submission(attempt.assignment, attempt.student)
    if (submission.extension or timedelta(0)) != more:
        gradebook.grant_extension(attempt.assignment, attempt.student, minutes=more / timedelta(minutes=1))
