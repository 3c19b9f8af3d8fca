"""Put questions to the grader of a course, and listen until they are answered, but for no longer than they may take."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from assay.errors import CourseError, SandboxError
from assay.serving import frames
from assay.serving.answers import MOST_PAGES, MOST_SAID
from assay.serving.deadlines import Deadlines
from assay.serving.frames import Frame
from assay.serving.grader_protocol import Begin, Done, Failed, Hear, Request, answer_of, encoded


class Way(Protocol):
    """What leads to a grader: it starts one here, or finds one elsewhere."""

    def open(self) -> socket.socket:
        """A line to one that says `Done` when it is ready, and remembers nothing. Raises SandboxError and OSError."""

    def close(self, *, at_once: bool) -> None:
        """The line is closed: end what was started for it."""


class Grader:
    """The grader of one course. What is called from one thread at a time; a context manager."""

    def __init__(self, course: str, way: Way, deadlines: Deadlines | None = None) -> None:
        self.course, self.way, self.deadlines = course, way, deadlines or Deadlines()
        self._line: socket.socket | None = None
        self._attempt = self.deadlines.attempt  # seconds, as it said when it began

    def start(self) -> None:
        """Have it run and be ready. Raises SandboxError where it cannot grade."""
        if self._line is None:
            self._start()

    def ask(self, request: Request, files: Sequence[bytes] = (), hear: Hear | None = None) -> str:
        """As `grader_protocol.Ask`. What went wrong on the way ends it; the next question starts another."""
        self.start()
        line, seconds = self._line, self.deadlines.of(request, self._attempt)
        assert line is not None
        until = time.monotonic() + seconds
        try:
            frames.send(line, encoded(request, files), until=until)
            text = listened(lambda: frames.receive(line, most=MOST_PAGES, until=until), hear)
        except CourseError:
            raise
        except (SandboxError, OSError) as error:
            self.close(at_once=True)
            late = f"it had not answered {type(request).__name__} after {seconds:.0f} seconds"
            raise SandboxError(
                f"The grader of {self.course} was lost in the middle ({_why(error, late)}). Another one is started; if "
                "that comes back, see the log of the server."
            ) from error
        except BaseException:
            self.close(at_once=True)
            raise
        if isinstance(request, Begin):
            self._attempt = self.deadlines.said(text)
        return text

    def close(self, *, at_once: bool = False) -> None:
        """End it, with all that it has started."""
        if self._line is not None:
            self._line.close()
        self._line = None
        self.way.close(at_once=at_once)

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        try:
            self.way.close(at_once=True)  # one that has ended by itself
            line = self._line = self.way.open()
            until = time.monotonic() + self.deadlines.start
            listened(lambda: frames.receive(line, most=0, until=until))
        except (CourseError, SandboxError, OSError) as error:
            self.close(at_once=True)
            late = f"it was not ready after {self.deadlines.start:.0f} seconds"
            raise SandboxError(f"The grader of {self.course} cannot start: {_why(error, late)}") from error
        except BaseException:
            self.close(at_once=True)
            raise


def listened(receive: Callable[[], Frame | None], hear: Hear | None = None) -> str:
    """The text of `Done`. Raises CourseError where the grader says that it failed.

    Raises SandboxError where it has ended or its answers make no sense: then it is of no use any more.
    """
    while (frame := receive()) is not None:
        match answer := answer_of(frame):
            case Done(text):
                return text
            case Failed(why):
                raise CourseError(why[:MOST_SAID])
            case _ if hear is not None:
                hear(answer, frame.files)
            case _:
                raise SandboxError(f"A {type(answer).__name__} came that nobody asked for.")
    raise SandboxError("It ended before it had answered.")


def _why(error: Exception, late: str) -> str:
    return late if isinstance(error, TimeoutError) else str(error)
