"""How much memory all our processes took at most, looked at once a second."""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType
from typing import Self

from assay.sandbox.isolation.usage import proportional_memory

PAUSE = 1.0  # seconds from one look to the next
SHARE = 0.02  # of one core that looking may take, as it reads the page tables of every process


class PeakMemory:
    """While its block runs, a thread that keeps the largest sum over this process and its descendants.

    Pages that several of them share count once, so libraries that were loaded before a fork do. What begins and ends
    between two looks is not seen.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="memory")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            started = time.thread_time()
            self.bytes = max(self.bytes, proportional_memory(os.getpid()))
            if self._over.wait(max(PAUSE, (time.thread_time() - started) / SHARE)):
                return
