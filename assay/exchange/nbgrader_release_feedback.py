"""`nbgrader release_feedback`: the pages of feedback/, each to the attempt that was graded."""

from __future__ import annotations

import glob
import re
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange.abc import ExchangeReleaseFeedback

from assay.errors import ExchangeError
from assay.exchange.answers import AttemptNow
from assay.exchange.folders import packed
from assay.exchange.moments import readable
from assay.exchange.nbgrader_exchange import HttpExchange


class HttpReleaseFeedback(HttpExchange, ExchangeReleaseFeedback):
    """Which attempt was graded, the time of its submission says."""

    def init_src(self) -> None:
        coursedir = self.coursedir
        step, name = coursedir.feedback_directory, coursedir.assignment_id
        excluded = set(coursedir.student_id_exclude.split(","))
        pattern = coursedir.format_path(step, "(?P<student>.*)", name, escape=True)
        self.folders: dict[str, Path] = {}
        for folder in sorted(glob.glob(coursedir.format_path(step, coursedir.student_id or "*", name))):
            match = re.fullmatch(pattern, folder)
            if match and match["student"] not in excluded:
                self.folders[match["student"]] = Path(folder)
        if not self.folders:
            self.log.warning("There is no feedback on %s yet. Run: nbgrader generate_feedback %s", name, name)

    def copy_files(self) -> None:
        attempts = self.client.attempts(self.course, self.coursedir.assignment_id) if self.folders else ()
        by_time = {(one.attempt.student, one.attempt.submitted): one for one in attempts}
        lost = [student for student, folder in self.folders.items() if not self._release(student, folder, by_time)]
        if lost:
            raise ExchangeError(
                f"The feedback of {', '.join(lost)} was not released: it is about no submission on the server. "
                "Collect with --update, grade, generate the feedback, and release it again."
            )

    def _release(self, student: str, folder: Path, attempts: dict[tuple[str, datetime], AttemptNow]) -> bool:
        """Whether there is an attempt that the feedback is about."""
        moment = self._graded(student, folder)
        one = None if moment is None else attempts.get((student, moment))
        if one is None:
            return False
        name = f"attempt {one.attempt.number} of '{student}' on '{one.attempt.assignment}'"
        with packed(folder, sorted(path.name for path in folder.glob("*.html"))) as parcel:
            if one.feedback is not None and one.feedback.released and one.feedback.files == parcel.manifest:
                self.log.info("Feedback on %s is released already", name)
            else:
                self.client.give_feedback(one.attempt.id, parcel.archive)
                self.log.info("Released feedback on %s (%s)", name, readable(one.attempt.submitted))
        return True

    def _graded(self, student: str, folder: Path) -> datetime | None:
        """When what was graded had been submitted."""
        coursedir = self.coursedir
        moment = coursedir.get_existing_timestamp(str(folder))
        if moment is None:
            with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
                try:
                    moment = gradebook.find_submission(coursedir.assignment_id, student).timestamp
                except MissingEntry:
                    moment = None
        return None if moment is None else moment.replace(tzinfo=UTC)
