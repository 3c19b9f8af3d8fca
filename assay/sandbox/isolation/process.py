"""The outermost process of a sandbox, as seen from outside: a child of ours, or a fork of a zygote's."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from assay.sandbox.inside.supervise import SIGNALLED, descendants

FOREVER = 1e6  # seconds


@dataclass(frozen=True)
class Exit:
    """How a process ended."""

    status: int  # exit status; minus the signal's number where a signal ended the innermost process
    cpu_seconds: float  # with what it waited for


class Process(Protocol):
    """It ends when all of its sandbox have."""

    @property
    def pid(self) -> int:
        """On this machine."""
        ...

    @property
    def output(self) -> int:
        """Descriptor of what it prints."""
        ...

    @property
    def lost(self) -> bool:
        """Whether it was ended because its zygote was."""
        ...

    def ended_within(self, seconds: float) -> bool:
        """Whether it has ended, waiting so long for it."""
        ...

    def exit(self) -> Exit:
        """Wait for its end and say how it was. Called once."""
        ...

    def kill(self) -> None:
        """SIGKILL for this one process."""
        ...

    def may_be_killed_first(self) -> None:
        """It becomes the first to be killed should this machine run out of memory."""
        ...


@dataclass(frozen=True)
class Child:
    """A process that we started. Popen never waits for it, because that would take the exit status away."""

    process: subprocess.Popen[bytes]
    lost: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while True:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.001)

    def exit(self) -> Exit:
        _, status, used = os.wait4(self.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait again
        assert self.process.stdout is not None
        self.process.stdout.close()
        return Exit(as_signal(self.process.returncode), used.ru_utime + used.ru_stime)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def may_be_killed_first(self) -> None:
        for process in descendants(self.pid):
            with suppress(OSError):
                Path(f"/proc/{process}/oom_score_adj").write_text("1000")


@dataclass
class Fork:
    """A process that a zygote started: `report` tells of it, and is closed where the zygote has ended."""

    report: socket.socket
    printed: IO[bytes]
    handle: int  # pidfd
    pid: int
    ready: bool = False  # nothing more can be reached from it
    lost: bool = False
    _exit: Exit | None = field(default=None, repr=False)

    @property
    def output(self) -> int:
        return self.printed.fileno()

    def ready_within(self, seconds: float) -> bool:
        """Whether it has got ready, waiting so long for it."""
        return self._within(seconds, lambda: self.ready) and self.ready

    def ended_within(self, seconds: float) -> bool:
        return self._within(seconds, lambda: self._exit is not None)

    def exit(self) -> Exit:
        self.ended_within(FOREVER)
        assert self._exit is not None
        self.report.close()
        self.printed.close()
        os.close(self.handle)
        return self._exit

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def may_be_killed_first(self) -> None:
        """It has seen to that itself."""

    def _within(self, seconds: float, so: Callable[[], bool]) -> bool:
        poll, deadline = select.poll(), time.monotonic() + seconds
        poll.register(self.report, select.POLLIN)
        while not so() and self._exit is None and poll.poll(max(1000 * (deadline - time.monotonic()), 0)):
            self._hear()
        return so()

    def _hear(self) -> None:
        try:
            told = self.report.recv(1 << 16)
        except OSError:
            told = b""
        said = json.loads(told) if told else {}
        self.ready = self.ready or "ready" in said
        self.lost = not told  # a zygote that ends takes all its forks along
        if self.lost or "status" in said:
            self._exit = Exit(as_signal(said.get("status", SIGNALLED + signal.SIGKILL)), said.get("cpu_seconds", 0.0))


def as_signal(code: int) -> int:
    """Exit status as Python gives it: minus the signal's number where a signal ended the innermost process."""
    return SIGNALLED - code if SIGNALLED < code <= SIGNALLED + 64 else code
