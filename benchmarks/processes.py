"""Run a command and measure it from outside: wall time, and the peak memory of the whole tree of its processes.

Memory is the sum of the proportional set sizes (PSS): a page that n processes share counts 1/n in each. Sampling takes
at most a twentieth of one core. What a command leaves running is ended and counted.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SHARE = 0.05  # of a core, for sampling
SHORTEST = 0.2  # seconds between two samples
PATIENCE = 2.0  # seconds in which a process may end that has seen its command end
ONE_THREAD = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
ENVIRONMENT = {f"{name}_THREADS": "1" for name in ONE_THREAD} | {"TF_CPP_MIN_LOG_LEVEL": "3"}


class Failed(RuntimeError):
    """A command ended with an error; the message holds the end of what it printed."""


@dataclass(frozen=True)
class Measured:
    """What one command took."""

    started: float  # seconds since the epoch
    seconds: float  # wall time
    peak_memory: int  # bytes
    output: str
    left_behind: int  # processes that it left running


def adopt_orphans() -> None:
    """Processes whose parents end become children of this one, so that none gets lost."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(
    command: Sequence[str | Path],
    folder: Path,
    *,
    path: Sequence[Path] = (),
    on_sample: Callable[[], None] = lambda: None,
) -> Measured:
    """Run a command to its end. `path` are folders for PATH. Raises Failed."""
    environment = {**os.environ, **ENVIRONMENT, "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]])}
    peak = Peak(on_sample)
    with tempfile.TemporaryFile() as log:
        started, clock = time.time(), time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with peak:
                status = process.wait()
            seconds = time.perf_counter() - clock
        finally:
            left_behind = end_all(patience=PATIENCE)
        log.seek(0)
        output = log.read().decode(errors="replace")
    if status:
        raise Failed(f"{' '.join(map(str, command))} ended with status {status}:\n{output[-3000:]}")
    return Measured(started, seconds, peak.bytes, output, left_behind)


class Peak:
    """While open, samples the memory of all processes below this one."""

    def __init__(self, on_sample: Callable[[], None] = lambda: None) -> None:
        self.bytes = 0
        self._on_sample = on_sample
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        pause = SHORTEST
        while not self._over.wait(pause):
            before = time.thread_time()
            self.bytes = max(self.bytes, sum(map(proportional_set_size, descendants(os.getpid()))))
            self._on_sample()
            pause = max(SHORTEST, (time.thread_time() - before) / SHARE)


def descendants(root: int) -> Iterator[int]:
    """Process ids of the children of a process, their children, and so on."""
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{root}/task"):
            with suppress(OSError):
                for child in Path(f"/proc/{root}/task/{thread}/children").read_text().split():
                    yield int(child)
                    yield from descendants(int(child))


def proportional_set_size(process: int) -> int:
    """Bytes; 0 where the process is gone or may not be looked at."""
    with suppress(OSError), open(f"/proc/{process}/smaps_rollup", encoding="ascii") as lines:
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return 0


def end_all(*, patience: float = 0.0) -> int:
    """End every process below this one, and say how many there were that did not end by themselves."""
    until = time.monotonic() + patience
    while (left := _alive()) and time.monotonic() < until:
        time.sleep(SHORTEST / 10)
    for process in left:
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
    for process in left:
        with suppress(OSError):
            os.waitpid(process, 0)
    return len(left)


def _alive() -> list[int]:
    """Processes below this one, without the children of this one that have ended, which are buried."""
    for process in list(descendants(os.getpid())):
        with suppress(OSError):
            os.waitpid(process, os.WNOHANG)
    return list(descendants(os.getpid()))
