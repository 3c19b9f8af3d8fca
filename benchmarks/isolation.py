"""What the isolation of one submission costs."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from assay.sandbox.isolation import Isolation, Job, Warm, choose

LIBRARIES = {"numpy": ("numpy",), "torch": ("numpy", "torch"), "TensorFlow": ("numpy", "tensorflow")}
TIMES = 40


@dataclass(frozen=True)
class Isolated:
    """From the request for a worker until it is ready, isolated, with its libraries loaded."""

    libraries: str
    first: float  # seconds, when the zygote has to be started too
    median: float  # seconds of those after it
    p95: float


def measure(libraries: dict[str, tuple[str, ...]] = LIBRARIES, times: int = TIMES) -> list[Isolated]:
    """Start workers one after another and throw them away."""
    with Warm(choose()) as warm:
        return [_isolated(warm, name, Job("worker", needed), times) for name, needed in libraries.items()]


def _isolated(warm: Isolation, name: str, job: Job, times: int) -> Isolated:
    first, *later = [_started(warm, job) for _ in range(times + 1)]
    return Isolated(name, first, statistics.median(later), sorted(later)[round(0.95 * (times - 1))])


def _started(warm: Isolation, job: Job) -> float:
    begun = time.perf_counter()
    running = warm.start(job)
    taken = time.perf_counter() - begun
    running.stop()
    return taken
