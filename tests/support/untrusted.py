"""Python code that a test runs in a sandbox, through the same worker as a submission."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from assay.sandbox.isolation import Ending, Isolation, Job, Running
from assay.sandbox.isolation.gpu import Gpu
from assay.sandbox.limits import Limits, MiB
from assay.sandbox.proxy import Student
from assay.submission import Cell, Source

LIMITS = Limits(call_seconds=30, load_seconds=60, cpu_seconds=30, memory=256 * MiB, processes=16, disk=16 * MiB)


class Untrusted:
    """A student whose only cell is the given code, and how its workers ended."""

    def __init__(self, isolation: Isolation, code: str, job: Job) -> None:
        self.endings: list[Ending] = []
        self.started: list[Running] = []
        self._isolation = isolation
        self._job = job
        source = Source((Cell("answer", textwrap.dedent(code), False),))
        self.student = Student(self._connect, source, job.limits)

    def _connect(self) -> Running:
        running = self._isolation.start(self._job)
        self.started.append(running)
        stop = running.stop

        def noted() -> Ending:
            ending = stop()
            if ending not in self.endings:
                self.endings.append(ending)
            return ending

        running.stop = noted  # type: ignore[method-assign]
        return running


@contextmanager
def untrusted(
    isolation: Isolation,
    code: str,
    *,
    limits: Limits = LIMITS,
    libraries: tuple[str, ...] = ("numpy",),
    files: Mapping[str, bytes] | None = None,
    gpu: Gpu | None = None,
) -> Iterator[Untrusted]:
    """Run code in a sandbox of its own until the end of the block."""
    started = Untrusted(isolation, code, Job("worker", libraries, limits=limits, files=files or {}, gpu=gpu))
    try:
        yield started
    finally:
        started.student.close()


def processes_named(name: str) -> list[int]:
    """Process ids on this machine whose command name, cut to 15 characters, is this."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if (process / "comm").read_text().strip() == name[:15]:
                    found.append(int(process.name))
            except OSError:
                continue
    return found


NAME_MYSELF = """
import ctypes, os, time
def name_myself(name):
    assert ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0) == 0
"""
