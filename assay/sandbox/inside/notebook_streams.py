"""Standard output and error of a notebook: what Python prints, and what goes past it to the descriptors 1 and 2.

C libraries, subprocesses and `os.write` end in an unnamed file each. No thread has to empty it: it is read before
anything else is shown.
"""

from __future__ import annotations

import codecs
import fcntl
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from .notebook_outputs import Outputs

CHUNK = 1 << 16
MANY = 1 << 20  # bytes after which a file is begun anew


class OutStream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of the cells; what a forked process prints goes to its descriptor."""

    encoding = "UTF-8"

    def __init__(self, name: str, descriptor: int, outputs: Outputs) -> None:
        self.name = name
        self._descriptor = descriptor
        self._outputs = outputs
        self._process = os.getpid()

    def write(self, string: str) -> int:
        """Raises TypeError for anything but a string."""
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        if os.getpid() == self._process:
            self._outputs.write(self.name, string)
        else:
            rest = string.encode("utf-8", "replace")
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        return len(string)

    def flush(self) -> None:
        """Let it be seen at once."""
        if os.getpid() == self._process:
            self._outputs.tell_so_far()

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stays open, as all cells share it."""


class Past:
    """A file in place of one descriptor, and how far it has been read."""

    def __init__(self, descriptor: int) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._read = 0
        flags = fcntl.fcntl(self._file, fcntl.F_GETFL)
        fcntl.fcntl(self._file, fcntl.F_SETFL, flags | os.O_APPEND)
        self._before, self._descriptor = os.dup(descriptor), descriptor
        os.dup2(self._file.fileno(), descriptor)

    def new(self, most: int) -> str:
        """What was written since the last call, at most so many bytes of it."""
        size = os.fstat(self._file.fileno()).st_size
        if size <= self._read:
            return ""
        data = bytearray()
        while len(data) < min(size - self._read, most):
            more = os.pread(self._file.fileno(), CHUNK, self._read + len(data))
            if not more:
                break
            data += more
        self._read = size
        if size > MANY:
            self._file.truncate(0)
            self._read = 0
        return self._decoder.decode(bytes(data))

    def restore(self) -> None:
        os.dup2(self._before, self._descriptor)
        os.close(self._before)
        self._file.close()


@contextmanager
def captured() -> Iterator[tuple[Past, Past]]:
    """Catch what is written past Python until the block ends."""
    sys.stdout.flush()
    sys.stderr.flush()
    both = Past(1), Past(2)
    before = sys.stdout, sys.stderr
    try:
        yield both
    finally:
        sys.stdout, sys.stderr = before
        for past in both:
            past.restore()
