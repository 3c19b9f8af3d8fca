"""An attempt as nbgrader grades it: submitted/<student>/<assignment>/, with the time of the server and the extension.

nbgrader counts lateness from the due date in the gradebook and the extension of a student there. Here both follow the
exchange, so that a student who is in time for the server is in time for nbgrader too: with an extension that was given
before there was a submission, and within the grace.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbgrader.api import Gradebook, InvalidEntry, MissingEntry
from sqlalchemy.exc import DBAPIError

from assay.errors import GradebookError
from assay.exchange.folders import Contents, write_folder
from assay.exchange.nbgrader_exchange import stamp
from assay.exchange.policy import Extension, Policy, due_for
from assay.exchange.records import Attempt

TIMESTAMP = "timestamp.txt"  # what a student submitted under this name is left out


def write_attempt(folder: Path, attempt: Attempt, contents: Contents) -> None:
    """The files of an attempt and its timestamp.txt, in place of an earlier one: all of them at once, or none.

    Raises ExchangeError where they cannot be written, and what `contents` raises.
    """
    theirs = ((path, blocks) for path, blocks in contents if path.split("/")[0] != TIMESTAMP)
    ours = ((path, [text.encode()]) for path, text in ((TIMESTAMP, stamp(attempt.submitted)),))
    write_folder(folder, (one for part in (theirs, ours) for one in part))


def note_due(db_url: str, attempt: Attempt, policy: Policy, extension: Extension | None) -> bool:
    """Have the gradebook count lateness as the exchange does; whether the due date in it was another one.

    Where the exchange has no due date, or the gradebook does not know the assignment yet, nothing changes.
    Raises GradebookError.
    """
    if policy.due is None:
        return False
    try:
        with Gradebook(db_url) as gradebook:
            changed = _set_due(gradebook, attempt.assignment, policy.due)
            _extend(gradebook, attempt, in_time_until(attempt.submitted, policy, extension) - policy.due)
    except MissingEntry:
        return False
    except (DBAPIError, InvalidEntry) as error:
        reason = getattr(error, "orig", None) or error
        raise GradebookError(
            f"The due date and extension of {attempt.student} for {attempt.assignment} were not noted: the gradebook "
            f"cannot be written ({reason}). Close what holds it open and try again."
        ) from error
    return changed


def in_time_until(submitted: datetime, policy: Policy, extension: Extension | None) -> datetime:
    """The moment from which the lateness of a submission is counted: who misses the grace has none.

    Of a policy with a due date.
    """
    due = due_for(policy, extension)
    assert due is not None
    return due + policy.grace if due < submitted <= due + policy.grace else due


def _set_due(gradebook: Gradebook, name: str, due: datetime) -> bool:
    """Whether it was another one. Raises MissingEntry."""
    assignment = gradebook.find_assignment(name)
    if assignment.duedate == (naive := due.astimezone(UTC).replace(tzinfo=None)):
        return False
    assignment.duedate = naive
    gradebook.db.commit()
    return True


def _extend(gradebook: Gradebook, attempt: Attempt, more: timedelta) -> None:
    """nbgrader keeps an extension in the row of a submission, which is made where there is none yet."""
    try:
        submission = gradebook.find_submission(attempt.assignment, attempt.student)
    except MissingEntry:
        if not more:
            return
        gradebook.update_or_create_student(attempt.student)
        with gradebook.db.no_autoflush:  # SQLAlchemy warns of what nbgrader does here, of which nothing comes
            submission = gradebook.add_submission(attempt.assignment, attempt.student)
    if (submission.extension or timedelta(0)) != more:
        gradebook.grant_extension(attempt.assignment, attempt.student, minutes=more / timedelta(minutes=1))
