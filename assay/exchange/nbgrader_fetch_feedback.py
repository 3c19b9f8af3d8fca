"""`nbgrader fetch_feedback`: what was written about one's attempts, beside the notebooks."""

from __future__ import annotations

import os

from nbgrader.exchange.abc import ExchangeFetchFeedback

from assay.exchange.answers import AttemptNow
from assay.exchange.folders import write_over
from assay.exchange.nbgrader_exchange import HttpExchange


class HttpFetchFeedback(HttpExchange, ExchangeFetchFeedback):
    """Into <assignment>/feedback/<time of the attempt>/, as nbgrader has it."""

    def init_src(self) -> None:
        name = self.coursedir.assignment_id
        found = self.client.attempts(
            self.course, None if name in ("", "*") else name, student=os.environ.get("JUPYTERHUB_USER")
        )
        self.attempts = [one for one in found if one.feedback is not None]
        for one in found:
            if one.feedback is None:
                self.log.info("No feedback yet on attempt %d of %s", one.attempt.number, one.attempt.assignment)

    def copy_files(self) -> None:
        for one in self.attempts:
            self._fetch(one)
        if not self.attempts:
            self.log.warning("There is no feedback to fetch yet")

    def _fetch(self, one: AttemptNow) -> None:
        attempt = one.attempt
        assert one.feedback is not None
        place = self.feedback_of(attempt.course, attempt.assignment, attempt.submitted)
        with self.client.feedback_files(attempt.id, one.feedback.files) as files:
            for path in write_over(place, ((file.path, blocks) for file, blocks in files)):
                self.log.info("Fetched feedback: %s", place / path)
