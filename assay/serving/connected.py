"""The grader of a course where it runs elsewhere, in a container of its own: connected to over a Unix socket."""

from __future__ import annotations

import logging
import os
import socket
import time

from assay.errors import SandboxError
from assay.serving.asking import Way
from assay.serving.enclosed import Enclosed
from assay.serving.peers import WORK, allowed, reachable, user_of
from assay.settings import CourseSettings, Settings

OFTEN, SELDOM = 0.5, 60.0  # seconds between two looks for it, and between two lines of the log about that
log = logging.getLogger("assay.grading")


def way_to_grader(settings: Settings, course: CourseSettings) -> Way:
    """To the one that listens where the settings say; else to one that is started here."""
    return Connected(course) if course.grader else Enclosed(settings, course)


class Connected:
    """The way to a grader that listens, as `asking.Way`."""

    def __init__(self, course: CourseSettings) -> None:
        self._course, self._said = course, -SELDOM

    def open(self) -> socket.socket:
        """A line to it, once it is there. Raises SandboxError where somebody else listens in its place."""
        waited = False
        while True:
            try:
                line = reachable(self._course.grader)
            except OSError as error:
                self._say(error)
                waited = True
                time.sleep(OFTEN)
                continue
            break
        if waited:
            log.info("The grader of %s is there.", self._course.name)
        try:
            if not allowed(line):
                raise SandboxError(
                    f"The program that listens at {self._course.grader} belongs to the user {user_of(line)}, and this "
                    f"worker to {os.geteuid()}. Run both as the same user; until then nothing is graded here."
                )
            line.sendall(WORK)
        except BaseException:
            line.close()
            raise
        return line

    def close(self, *, at_once: bool) -> None:
        """Nothing is left to be done: where its line has ended, it ends what it did for us itself."""

    def _say(self, error: OSError) -> None:
        if time.monotonic() - self._said > SELDOM:
            self._said = time.monotonic()
            log.warning(
                "The grader of %s does not answer at %s (%s). Submissions wait until it does: start its container, and "
                "mount the folder of that socket in both.",
                self._course.name, self._course.grader, error.strerror or error,
            )  # fmt: skip
