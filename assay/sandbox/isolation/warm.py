"""Programs that start from libraries already loaded: one zygote for each set of libraries forks them.

Zygotes begin with the first job that needs one, are shared by all processes that they are lent to, and end with the
process that started them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from assay.errors import SandboxError
from assay.sandbox.isolation.gpu import Gpu
from assay.sandbox.isolation.job import Job
from assay.sandbox.isolation.launch import HINT
from assay.sandbox.isolation.running import Running
from assay.sandbox.isolation.zygote import Forking, Lost, Zygote

Kind = tuple[str, tuple[str, ...], int, Gpu | None]  # program, libraries, threads, device


@dataclass(frozen=True)
class Lent:
    """Zygotes for another process of ours. Picklable while multiprocessing starts that process."""

    tier: Forking
    zygotes: Mapping[Kind, Zygote]

    def warm(self) -> Warm:
        """Starts from the same zygotes; one that is missing there is started by that process itself."""
        return Warm(self.tier, self.zygotes)


class Warm:
    """A tier of isolation whose programs are forks of zygotes. An `Isolation`; use it as a context manager.

    Where a warm start does not hold on this machine, each program is started by itself.
    """

    def __init__(self, tier: Forking, zygotes: Mapping[Kind, Zygote] | None = None) -> None:
        self.tier = tier
        self._zygotes = dict(zygotes or {})
        self._started: dict[int, Running] = {}  # by the id of the zygote; those that this process started
        self._starting: dict[Kind, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self.tier.name

    def start(self, job: Job) -> Running:
        """See `Isolation.start`. A zygote that died or is stuck is started again, once."""
        if not self.tier.warm:
            return self.tier.start(job)
        problem = ""
        for _ in range(2):
            zygote = self._zygote(job)
            try:
                return self.tier.fork(zygote, job)
            except Lost as lost:
                problem = str(lost)
                self._give_up(job, zygote)
        raise SandboxError(f"The zygote of {', '.join(job.libraries)} was lost twice: {problem}.{HINT}")

    def prepare(self, *jobs: Job) -> None:
        """Start the zygotes for jobs such as these, where there are none, side by side."""
        if self.tier.warm and jobs:
            with ThreadPoolExecutor(len(jobs)) as threads:
                for started in [threads.submit(self._zygote, job) for job in jobs]:
                    started.result()

    def lend(self) -> Lent:
        """What another process needs in order to use the zygotes that there are now."""
        with self._lock:
            return Lent(self.tier, dict(self._zygotes))

    def close(self) -> None:
        """End the zygotes that this process started, and with them all that they forked."""
        with self._lock:
            for zygote in self._zygotes.values():
                zygote.requests.close()
            for running in self._started.values():
                running.stop()
            self._zygotes.clear()
            self._started.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _zygote(self, job: Job) -> Zygote:
        kind = _kind_of(job)
        with self._lock:
            starting = self._starting.setdefault(kind, threading.Lock())
        with starting:
            if (known := self._zygotes.get(kind)) is not None:
                return known
            running, zygote = self.tier.start_zygote(replace(job, loaded=None, files={}))
            with self._lock:
                self._zygotes[kind], self._started[id(zygote)] = zygote, running
            return zygote

    def _give_up(self, job: Job, zygote: Zygote) -> None:
        """Forget a zygote, and end it where we can, so that another one is started."""
        kind = _kind_of(job)
        with self._lock:
            if self._zygotes.get(kind) is not zygote:
                return  # another thread has
            del self._zygotes[kind]
            zygote.requests.close()
            running = self._started.pop(id(zygote), None)
        if running is not None:
            running.stop()


def _kind_of(job: Job) -> Kind:
    gpu = None if job.gpu is None else replace(job.gpu, base=None)
    return job.program, job.libraries, job.limits.threads, gpu
