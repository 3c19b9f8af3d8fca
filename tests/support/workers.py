"""Workers for tests of the border: scripted ones that misbehave, and real processes without a sandbox."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import assay.sandbox
from assay.sandbox.inside.wire import PREFIX, Caps, Frames
from assay.sandbox.limits import Limits
from assay.sandbox.proxy import Student
from assay.submission import Cell, Source

START = """
import socket, sys
sys.path.insert(0, sys.argv[2])
from inside.worker import serve
serve(socket.socket(fileno=int(sys.argv[1])))
"""


@dataclass(frozen=True)
class Ended:
    reason: str


@dataclass
class Scripted:
    """A worker in a thread that does what a function says with its end of the channel."""

    behave: Callable[[socket.socket], object]
    reason: str = "stopped"
    stopped: int = 0
    channel: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.channel, self.far = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self.far, contextlib.suppress(OSError, EOFError):
            self.behave(self.far)

    def stop(self) -> Ended:
        self.stopped += 1
        self.channel.close()
        with contextlib.suppress(OSError):
            self.far.shutdown(socket.SHUT_RDWR)
        self.thread.join(timeout=5)
        return Ended(self.reason)


class Process:
    """A worker in a process of its own, for code that we trust."""

    def __init__(self) -> None:
        self.channel, far = socket.socketpair()
        folder = next(iter(assay.sandbox.__path__))
        with far:
            command = [sys.executable, "-I", "-c", START, str(far.fileno()), folder]
            self.process = subprocess.Popen(
                command,
                pass_fds=[far.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def stop(self) -> Ended:
        self.channel.close()
        ended = self.process.poll() is not None
        self.process.kill()
        self.process.wait()
        return Ended("ended" if ended else "stopped")


def source(*texts: str, instructor: bool = False) -> Source:
    """Cells named `cell 1`, `cell 2`, ... of a submission."""
    cells = (Cell(f"cell {number}", textwrap.dedent(text), instructor) for number, text in enumerate(texts, start=1))
    return Source(tuple(cells))


@contextlib.contextmanager
def process_student(*texts: str, limits: Limits | None = None) -> Iterator[Student]:
    """A student whose cells run in a process."""
    student = Student(Process, source(*texts), limits or Limits())
    try:
        yield student
    finally:
        student.close()


def next_request(far: socket.socket) -> dict[str, Any]:
    """The judge's next request, as a worker sees it."""

    def into(memory: memoryview | bytearray) -> int:
        size = far.recv_into(memory)
        if not size:
            raise EOFError
        return size

    return Frames(into).next(Caps(header=2**25, blob=2**32))[0]


def frame(message: Mapping[str, Any] | str, blob: bytes = b"") -> bytes:
    """A frame that holds any header and any blob."""
    header = (message if isinstance(message, str) else json.dumps(message)).encode()
    return PREFIX.pack(len(header), len(blob)) + header + blob


def answer_load(far: socket.socket) -> None:
    """Answer the first request, which loads the cells."""
    far.sendall(frame({"id": next_request(far)["id"], "value": ["l"]}))
