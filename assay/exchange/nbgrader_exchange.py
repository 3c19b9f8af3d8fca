"""What nbgrader's commands have in common when the exchange is a server."""

from __future__ import annotations

import fnmatch
import os
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from nbgrader.exchange.abc import Exchange
from nbgrader.utils import ignore_patterns
from traitlets import Bool, Unicode

from assay.errors import AssayError, ExchangeError
from assay.exchange.answers import AssignmentForCaller
from assay.exchange.client import Client
from assay.exchange.folders import chosen
from assay.exchange.moments import in_utc, readable

TIME = "%Y-%m-%d %H:%M:%S.%f UTC"  # of nbgrader: in timestamp.txt, and as the name of a folder of feedback


class HttpExchange(Exchange):
    """Base of the classes for ExchangeFactory. Who asks, and what they may, is decided by the server alone."""

    path_includes_course = Bool(
        True, help="Whether assignments lie at <course>/<assignment>: two courses may use the same names."
    ).tag(config=True)
    receipts = Unicode("receipts", help="The folder for receipts, below assignment_dir.").tag(config=True)

    def __init__(self, coursedir: Any = None, authenticator: Any = None, **kwargs: Any) -> None:
        misspelt = kwargs.pop("authentictor", None)  # by NbGraderAPI, where it releases and fetches feedback
        super().__init__(coursedir, authenticator or misspelt, **kwargs)

    @cached_property
    def client(self) -> Client:
        return Client.from_environment()

    def start(self) -> Any:
        try:
            return super().start()
        except AssayError as error:
            refusal = str(error)
        return self.fail(refusal)  # out of the block: Jupyter shows students the traceback of this alone

    def init_src(self) -> None:
        """Nothing to prepare."""

    def init_dest(self) -> None:
        """Nothing to prepare."""

    @cached_property
    def course(self) -> str:
        """The course that was chosen, or the only one that there is. Raises ExchangeError where neither is clear."""
        chosen: str = self.coursedir.course_id
        if chosen not in ("", "*"):
            return chosen
        names = [one.course for one in self.client.courses()]
        if len(names) != 1:
            which = f"Choose one of {', '.join(names)} with --course." if names else "You are in no course here."
            raise ExchangeError(f"No course id specified. {which}")
        return names[0]

    def place_of(self, course: str, assignment: str) -> Path:
        """Where somebody works on an assignment."""
        parts = (course, assignment) if self.path_includes_course else (assignment,)
        return Path(os.path.abspath(os.path.join(self.assignment_dir, *parts)))

    def feedback_of(self, course: str, assignment: str, submitted: datetime) -> Path:
        """Where the feedback on an attempt is fetched to, as nbgrader lays it out."""
        return self.place_of(course, assignment) / "feedback" / stamp(submitted)

    def receipt_of(self, course: str, assignment: str, number: int) -> Path:
        """Where a student finds a receipt."""
        folder = Path(os.path.abspath(os.path.join(self.assignment_dir, self.receipts)))
        return folder / course / f"{assignment}-{number}.json"

    def chosen(self, folder: Path) -> list[str]:
        """The files of a folder that are sent: as CourseDirectory says, and no links."""
        coursedir = self.coursedir
        ignored = ignore_patterns(coursedir.ignore, coursedir.include, coursedir.max_file_size, self.log)
        return chosen(folder, ignored, lambda path: self.log.warning("'%s' is no plain file: it is left out", path))

    def is_ignored(self, path: str) -> bool:
        """Whether CourseDirectory.ignore names a file or a folder that it lies in."""
        return any(fnmatch.fnmatch(part, pattern) for part in path.split("/") for pattern in self.coursedir.ignore)


def stamp(moment: datetime) -> str:
    """A moment as nbgrader writes and reads it."""
    return in_utc(moment).strftime(TIME)


def rules(listed: AssignmentForCaller) -> str:
    """What a student should know about the time and number of submissions, in half a line; empty for no rules."""
    said = []
    if listed.due is not None:
        said.append(f"due {readable(listed.due)}" + (" (your extension)" if listed.has_more_time else ""))
    if listed.attempts_left is not None:
        said.append(f"{listed.attempts_left} of {listed.assignment.policy.attempts} attempts left")
    return ", ".join(said)
