"""`nbgrader collect`: the latest attempt of each student, from the server into submitted/."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from nbgrader.exchange.abc import ExchangeCollect

from assay.errors import ExchangeError
from assay.exchange.nbgrader_collected import note_due, write_attempt
from assay.exchange.nbgrader_exchange import HttpExchange
from assay.exchange.policy import due_for
from assay.exchange.records import Attempt


class HttpCollect(HttpExchange, ExchangeCollect):
    """Extensions that the server knows are entered in the gradebook on the way."""

    def init_src(self) -> None:
        course, name = self.course, self.coursedir.assignment_id
        self.policy = self.client.assignment(course, name).assignment.policy
        self.extensions = {one.student: one for one in self.client.extensions(course, name)}
        by_student: dict[str, list[Attempt]] = defaultdict(list)
        for one in self.client.attempts(course, name):
            if fnmatch.fnmatchcase(one.attempt.student, self.coursedir.student_id or "*"):
                by_student[one.attempt.student].append(one.attempt)
        self.attempts = [self._counted(theirs) for _, theirs in sorted(by_student.items())]
        if self.attempts:
            self.log.info("Processing %d submissions of '%s' for course '%s'", len(self.attempts), name, course)
        else:
            self.log.warning("No submissions of '%s' for course '%s' to collect", name, course)

    def copy_files(self) -> None:
        lost = []
        for attempt in self.attempts:
            try:
                self._collect(attempt)
            except ExchangeError as error:
                self.client.attempt(attempt.id)  # raises where the server is away, and it is not about this attempt
                self.log.error("attempt %d of %s: %s", attempt.number, attempt.student, error)
                lost.append(attempt.student)
        if lost:
            raise ExchangeError(
                f"What {', '.join(lost)} submitted was not collected; what all others did is. Why, stands above and in "
                "the log of the server."
            )

    def _counted(self, attempts: list[Attempt]) -> Attempt:
        """The last one; with --before-duedate the last one in time, if there is any."""
        attempts = sorted(attempts, key=lambda one: one.number)
        if self.before_duedate:
            due = due_for(self.policy, self.extensions.get(attempts[-1].student))
            in_time = [one for one in attempts if due is None or one.submitted - due <= self.policy.grace]
            return (in_time or attempts)[-1]
        return attempts[-1]

    def _collect(self, attempt: Attempt) -> None:
        name = f"{attempt.student} {attempt.assignment}"
        coursedir = self.coursedir
        folder = Path(coursedir.format_path(coursedir.submitted_directory, attempt.student, attempt.assignment))
        if folder.is_dir():
            there = coursedir.get_existing_timestamp(str(folder))
            moment = attempt.submitted.replace(tzinfo=None)
            newer = self.update and (there is None or moment > there)
            if not newer and not (self.before_duedate and there != moment):
                hint = "No newer submission to collect" if self.update else "Already there, use --update to update"
                self.log.info("%s: %s", hint, name)
                here = attempt if there is None else replace(attempt, submitted=there.replace(tzinfo=UTC))
                self._note_due(here)  # an extension may have been given since
                return
            self.log.info("Updating submission: %s", name)
        else:
            self.log.info("Collecting submission: %s", name)
        with self.client.attempt_files(attempt.id, attempt.files) as files:
            write_attempt(folder, attempt, ((file.path, blocks) for file, blocks in files))
        self._note_due(attempt)

    def _note_due(self, attempt: Attempt) -> None:
        extension = self.extensions.get(attempt.student)
        if note_due(self.coursedir.db_url, attempt, self.policy, extension):
            self.log.info("The due date in the gradebook now is that of the server")
