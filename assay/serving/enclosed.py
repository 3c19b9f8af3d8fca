"""The grader of a course where the worker starts it: shut in, and ended with all that it has started.

It sees of this machine what the course's own server sees: that course, and nothing of the server or of other courses.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import IO

from assay.hub import shut_in
from assay.settings import CourseSettings, Settings

PROGRAM = (sys.executable, "-P", "-m", "assay.serving.grader")
LEFT_OUT = ("JUPYTERHUB_", "ASSAY_", "JPY_", "AWS_", "PG")  # of the environment: keys and addresses of the server
LONGEST_LINE = 2000  # bytes, of what it says on stderr
PATIENCE = 5.0  # seconds to end in good order
log = logging.getLogger("assay.grading")


class Enclosed:
    """The way to a grader that is started here, as `asking.Way`."""

    def __init__(self, settings: Settings, course: CourseSettings, program: Sequence[str] = PROGRAM) -> None:
        self._settings, self._course, self._program = settings, course, program
        self._process: subprocess.Popen[bytes] | None = None
        self._why_not = shut_in.grading_broken(settings, course)
        if self._why_not:
            log.warning("The grader of %s is not shut in here: %s", course.name, self._why_not)

    @property
    def process(self) -> int | None:
        """Its process, where it runs; what is shut in has others below that."""
        return None if self._process is None else self._process.pid

    def open(self) -> socket.socket:
        """A line to a new one. Raises SandboxError and OSError."""
        ours, its = socket.socketpair()
        try:
            with its, ExitStack() as undo:
                self._process = self._started(its, undo)
            assert self._process.stderr is not None
            threading.Thread(target=_pass_on, args=(self._process.stderr, self._course.name), daemon=True).start()
        except BaseException:
            ours.close()
            raise
        return ours

    def close(self, *, at_once: bool) -> None:
        """End it, with all that it has started."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0 if at_once else PATIENCE)
            if self._process.poll() is None and not self._shut_in:
                self._process.terminate()  # what it has started ends in good order
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(PATIENCE)
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def _shut_in(self) -> bool:
        return not self._why_not

    def _started(self, line: socket.socket, undo: ExitStack) -> subprocess.Popen[bytes]:
        command: list[str] = []
        descriptors: list[int] = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
        root = self._course.root.resolve()
        if self._shut_in:
            command, descriptors = shut_in.course(self._settings, self._course, network=False).opened(undo)
            environment = shut_in.environment({}, "grader", shut_in.home_inside(self._course.name, root))
        elif "ASSAY_DATA" in os.environ:
            environment["ASSAY_DATA"] = os.environ["ASSAY_DATA"]
        environment["ASSAY_GRADING_GPUS"] = ",".join(self._course.gpus)
        return subprocess.Popen(
            [*command, *self._program, "--course-root", str(root), "--name", self._course.name],
            stdin=line.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            env=environment,
            start_new_session=True,
        )


def _pass_on(said: IO[bytes], course: str) -> None:
    """What a grader says, as lines of our log that nobody can take for ours."""
    with said:
        while line := said.readline(LONGEST_LINE):
            text = line.decode(errors="replace").rstrip()
            log.info("grader of %s: %s", course, "".join(one if one.isprintable() else "?" for one in text))
