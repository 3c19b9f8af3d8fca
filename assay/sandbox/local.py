"""Code that we trust (references, mutants, alternatives) behind the same border as a student's, in a thread.

Nothing is confined: never for a submission.
"""

from __future__ import annotations

import ctypes
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from assay.sandbox.inside.worker import serve
from assay.sandbox.limits import Limits
from assay.sandbox.proxy import Student
from assay.submission import Source


@dataclass(frozen=True)
class Stopped:
    """How a thread ended."""

    reason: str = "stopped"


class Thread:
    """A worker in a thread of this process. A loop in Python is ended; one in native code is left behind."""

    def __init__(self, namespace: Mapping[str, object]) -> None:
        self.channel, self._far = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, args=(dict(namespace),), daemon=True)
        self._thread.start()

    def _serve(self, namespace: dict[str, object]) -> None:
        with suppress(SystemExit), self._far:  # `stop` raises it in here
            serve(self._far, namespace)

    def stop(self) -> Stopped:
        self.channel.close()
        self._thread.join(timeout=0.2)
        if self._thread.is_alive() and self._thread.ident is not None:
            thread = ctypes.c_ulong(self._thread.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(SystemExit))
            self._thread.join(timeout=1.0)
        return Stopped()


@contextmanager
def local_student(namespace: Mapping[str, object], limits: Limits | None = None) -> Iterator[Student]:
    """A student whose functions are those in `namespace`, for example `vars(module)`."""
    student = Student(lambda: Thread(namespace), Source(cells=()), limits or Limits())
    try:
        yield student
    finally:
        student.close()
