"""A sandboxed program while it runs: its channel, what it prints, what it uses, and its end."""

from __future__ import annotations

import math
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from assay.sandbox.isolation import nvml
from assay.sandbox.isolation.cgroup import Group
from assay.sandbox.isolation.gpu import Gpu
from assay.sandbox.isolation.job import Ending, Reason
from assay.sandbox.isolation.process import FOREVER, Process
from assay.sandbox.isolation.usage import Usage, usage_of
from assay.sandbox.limits import Limits

LOOK_EVERY = 0.1  # seconds between looks at what it uses
GRACE = 1.0  # seconds for a program that closed its channel to end by itself, and for a killed one to be gone


@dataclass(frozen=True)
class Hold:
    """What a tier keeps of a running sandbox, to end it and to leave nothing behind."""

    kill: Callable[[], None]  # every process of it
    clean_up: Callable[[], None]  # once all are gone
    cap: Group | None = None  # its control group
    libraries: int = 0  # bytes that it may still load before its own memory counts
    disk_in_use: Callable[[], int] | None = None  # bytes, where nothing but looking caps them
    watched: bool = True  # against its limits


@dataclass
class Running:
    """A program in its sandbox. `channel` is the stream socket to it; call `stop` whatever happens."""

    channel: socket.socket
    process: Process
    hold: Hold
    limits: Limits
    gpu: Gpu | None = None
    _output: bytearray = field(default_factory=bytearray)
    _seen: Usage = field(default_factory=Usage)
    _verdict: Reason | None = None
    _ending: Ending | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._base: Usage | None = None
        self._watcher = threading.Thread(target=self._watch, name="sandbox watch", daemon=True)
        self._watcher.start()

    def begins(self) -> None:
        """Its libraries are loaded: what it uses from now on counts against its limits.

        It becomes the first to be killed should this machine run out of memory.
        """
        self.process.may_be_killed_first()
        self._base = usage_of(self.process.pid)

    def stop(self) -> Ending:
        """End every process of the sandbox and say how it ended. The first answer stands."""
        with self._lock:
            if self._ending is None:
                self._ending = self._stop()
            return self._ending

    def output(self) -> str:
        """What it has printed so far, or the end of it."""
        return bytes(self._output).decode("utf-8", "replace")

    def _stop(self) -> Ending:
        if self._closed_by_peer():
            self.process.ended_within(GRACE)
        ended = self.process.ended_within(0)
        self.channel.close()
        self.hold.kill()
        if not self.process.ended_within(5 * GRACE):
            self.process.kill()
        self.process.ended_within(FOREVER)
        self._over.set()
        self._watcher.join(5 * GRACE)
        last = self.process.exit()
        cap = self.hold.cap
        out_of_memory = cap is not None and cap.ran_out_of_memory()
        peak = max(self._seen.memory, cap.peak_memory() if cap is not None else 0)
        self.hold.clean_up()
        cpu = max(self._seen.cpu_seconds, last.cpu_seconds)
        reason: Reason = "memory" if out_of_memory else self._verdict or self._reason(last.status, ended, cpu)
        return Ending(reason, last.status if ended else None, self.output(), cpu, peak)

    def _reason(self, status: int, ended: bool, cpu_seconds: float) -> Reason:
        if not ended:
            return "stopped"
        if self.process.lost:
            return "lost"
        if status == -signal.SIGXCPU or status == -signal.SIGKILL and cpu_seconds > self.limits.cpu_seconds:
            return "cpu"  # the first of a process namespace gets no signal but SIGKILL
        return "ended" if status == 0 else "crashed"

    def _closed_by_peer(self) -> bool:
        if self.channel.fileno() == -1:
            return False
        poll = select.poll()
        poll.register(self.channel, 0)  # a hang-up is always reported
        return bool(poll.poll(0))

    def _watch(self) -> None:
        """Keep the pipe empty, and end the program when all its processes together use too much."""
        poll, is_open = select.poll(), True
        poll.register(self.process.output, select.POLLIN)
        next_look = time.monotonic() + LOOK_EVERY
        while not self._over.is_set() or is_open and poll.poll(0):
            pause = max(next_look - time.monotonic(), 0)
            if not is_open:  # the program has closed it, and may still run
                self._over.wait(pause)
            elif poll.poll(1000 * pause):
                data = os.read(self.process.output, 1 << 16)
                is_open = bool(data)
                self._keep(data)
            if time.monotonic() >= next_look and not self._over.is_set():
                if self.hold.watched:
                    self._look()
                next_look = time.monotonic() + LOOK_EVERY

    def _keep(self, data: bytes) -> None:
        self._output += data
        if len(self._output) > self.limits.output:
            del self._output[: len(self._output) - self.limits.output]

    def _look(self) -> None:
        now = usage_of(self.process.pid)
        self._seen = self._seen.largest(now)
        if self._verdict is None:
            self._verdict = self._excess(now)
        if self._verdict is not None:
            self.hold.kill()

    def _excess(self, now: Usage) -> Reason | None:
        if self._base is None:
            return None
        if now.cpu_seconds > self._base.cpu_seconds + self.limits.cpu_seconds + 1:
            return "cpu"
        if now.memory > self._base.memory + self.hold.libraries + self.limits.memory:
            return "memory"
        if self.hold.disk_in_use is not None and self.hold.disk_in_use() > self.limits.disk:
            return "disk"
        if self.gpu is not None and self._gpu_memory(self.gpu) > (self.limits.gpu_memory or math.inf):
            return "gpu memory"
        return None

    def _gpu_memory(self, gpu: Gpu) -> int:
        """Bytes of the device, which is ours alone, that have been taken since we have it."""
        if not self.limits.gpu_memory or gpu.base is None:
            return 0
        try:
            return nvml.memory_in_use(gpu.number) - gpu.base
        except nvml.NoAnswer:
            return 0
