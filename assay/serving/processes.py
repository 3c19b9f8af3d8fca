"""What the server's own processes have in common: they end when they are told to, and none outlives the Hub."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from assay.errors import JobError
from assay.sandbox.inside.kernel import PARENT_DEATH_SIGNAL, prctl


def begin() -> None:
    """For the first lines of a process: log to stderr, and end with whoever started it.

    SIGTERM raises KeyboardInterrupt, as Control-C does: grading is made to be interrupted at any point by that.
    """
    log_to_stderr()
    logging.getLogger("traitlets").setLevel(logging.ERROR)  # nbgrader tells of each file that it writes
    logging.getLogger("tornado.access").setLevel(logging.WARNING)  # pages that wait ask every second
    signal.signal(signal.SIGTERM, _end)
    parent = os.getppid()
    prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the kernel knew
        raise KeyboardInterrupt


def log_to_stderr() -> None:
    """A line an event, with its moment; what goes on after that is indented, so no text of a course passes for one."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Indented("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class _Indented(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")


def _end(_number: int, _frame: FrameType | None) -> None:
    for one in (signal.SIGTERM, signal.SIGINT):  # once is enough: from now on it ends in good order
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def the_only(place: Path) -> Iterator[None]:
    """Hold a lock that the kernel lets go when this process ends, however it ends.

    Raises JobError where another holds it, and where it cannot be locked at all.
    """
    with ExitStack() as stack:
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = stack.enter_context(open(place, "w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise JobError(f"Another worker holds {place}. There is one a course; end it first.") from error
        except OSError as error:
            raise JobError(
                f"{place} cannot be locked ({error}). ASSAY_HOME has to be a folder of this user, on a disk that knows "
                "locks."
            ) from error
        yield
