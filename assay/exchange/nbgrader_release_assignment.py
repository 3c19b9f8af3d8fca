"""`nbgrader release_assignment`: release/<assignment> and the due date of the gradebook, to the server."""

from __future__ import annotations

import os
from datetime import UTC
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange.abc import ExchangeReleaseAssignment

from assay.errors import ExchangeError, Refusal
from assay.exchange.answers import AssignmentForCaller
from assay.exchange.folders import packed
from assay.exchange.moments import readable, written
from assay.exchange.nbgrader_exchange import HttpExchange, rules


class HttpReleaseAssignment(HttpExchange, ExchangeReleaseAssignment):
    """Rules that the gradebook does not know (attempts, grace, a release date) stay as `assay policy` set them."""

    def init_src(self) -> None:
        coursedir = self.coursedir
        self.src_path = Path(coursedir.format_path(coursedir.release_directory, ".", coursedir.assignment_id))
        if not self.src_path.is_dir():
            source = coursedir.format_path(coursedir.source_directory, ".", coursedir.assignment_id)
            what = f"Assignment found in '{source}' but not '{self.src_path}', run" if os.path.isdir(source) else "Run"
            raise ExchangeError(f"There is nothing to release. {what} `nbgrader generate_assignment` first.")

    def init_dest(self) -> None:
        name = self.coursedir.assignment_id
        self.out: AssignmentForCaller | None = None  # as it is handed out now
        try:
            there = self.client.assignment(self.course, name)
        except Refusal as refusal:
            if refusal.code != "unknown_assignment":
                raise
        else:
            self.out = None if there.assignment.withdrawn else there
        if self.out is not None and not self.force:
            raise ExchangeError(f"Destination already exists, add --force to overwrite: {self.course} {name}")

    def copy_files(self) -> None:
        course, name = self.course, self.coursedir.assignment_id
        self.log.info("Source: %s", self.src_path)
        with packed(self.src_path, self.chosen(self.src_path)) as parcel:
            released = self.client.release(course, name, parcel.archive, self._policy())
        said = rules(released)
        self.log.info("Released as: %s %s%s", course, name, f" ({said})" if said else "")
        self.log.info("Other rules (attempts, grace, late submissions): assay policy %s", name)

    def _policy(self) -> dict[str, str]:
        """The due date of the gradebook, where students were not told another one since."""
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                due = gradebook.find_assignment(self.coursedir.assignment_id).duedate
            except MissingEntry:
                due = None
        if due is None:
            return {}
        due = due.replace(tzinfo=UTC)
        if self.out is not None and self.out.assignment.policy.due is not None:
            if self.out.assignment.policy.due != due:
                name, said = self.coursedir.assignment_id, readable(due)
                self.log.warning("The gradebook says %s: to change the due date, use assay policy %s --due", said, name)
            return {}
        return {"due": written(due)}
