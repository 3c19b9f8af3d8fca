"""What one call over the border costs, between two real processes, by what crosses.

    python -m benchmarks.border

The worker is a process without a sandbox, which costs a call nothing. Both share one core, as they do when as many
submissions are graded as there are cores: they take turns, so a second core would only have to be woken up for each.
Of many calls it tells the fastest, what a tenth of them stays under, and the median: on a machine that does nothing
else they are close together, on another the tenth is the border.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from assay.checks.check import EXAMPLES  # noqa: E402
from assay.sandbox.ahead import Foreseen, foreseen  # noqa: E402
from assay.sandbox.limits import Limits, MiB  # noqa: E402
from assay.sandbox.proxy import Student  # noqa: E402
from assay.sandbox.shared import share  # noqa: E402
from tests.support.workers import process_student  # noqa: E402

KiB = 1024
SIZES = (0, 64, KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB, 16 * MiB, 64 * MiB)  # of one array of float64
SHARED = (MiB, 16 * MiB, 64 * MiB)
SMALL = (4, 4)  # of a small array
MOST, FEWEST, SECONDS = 3000, 10, 0.5  # calls for one figure, and how long they go on
CALLBACKS = 5  # in one call
FUNCTIONS = """
def nothing():
    return None

def look(x):
    return None

def total(x):
    return x.sum()

def give_back(x):
    return x

def add(x, y):
    return x + y

def both(x, y):
    return x, y

def ask(f, x, times):
    for _ in range(times):
        x = f(x)
    return x
"""


@dataclass(frozen=True)
class Figure:
    """One kind of call."""

    what: str
    there: int  # bytes of arrays to the worker
    back: int  # bytes of arrays from it
    best: float  # seconds
    tenth: float  # of the calls took no longer
    median: float


def main() -> None:
    print(f"{'one call':32} {'there':>8} {'back':>8} {'best':>12} {'tenth':>12} {'median':>12}")
    for each in figures():
        times = "".join(f"{seconds * 1e6:10.1f} us" for seconds in (each.best, each.tenth, each.median))
        print(f"{each.what:32} {_size(each.there):>8} {_size(each.back):>8}{times}", flush=True)


def measure() -> list[Figure]:
    """All figures."""
    return list(figures())


def figures() -> Iterator[Figure]:
    """One figure after another, in half a minute."""
    limits = Limits(call_seconds=60.0, seconds=3600.0, frame=128 * MiB)
    with one_core(), process_student(FUNCTIONS, limits=limits) as student:
        yield from _small(student)
        yield from _ahead(student)
        yield from _by_size(student)
        yield from _shared(student)


@contextmanager
def one_core() -> Iterator[None]:
    """This process, and those that it starts meanwhile, on one of its cores."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _small(student: Student) -> Iterator[Figure]:
    one, other = np.ones(SMALL), np.full(SMALL, 2.0)
    size = one.nbytes
    _figure("", student, 0, 0, lambda: student.nothing())  # the first calls are slower
    yield _figure("no arguments", student, 0, 0, lambda: student.nothing())
    yield _figure("1 small array, 1 back", student, size, size, lambda: student.give_back(one))
    yield _figure("2 small arrays, 1 back", student, 2 * size, size, lambda: student.add(one, other))
    yield _figure("2 small arrays, 2 back", student, 2 * size, 2 * size, lambda: student.both(one, other))
    without = _figure("", student, 0, 0, lambda: student.ask(np.negative, one, 0))
    calls = _figure("", student, 0, 0, lambda: student.ask(np.negative, one, CALLBACKS))
    best, tenth, median = (
        (getattr(calls, name) - getattr(without, name)) / CALLBACKS for name in ("best", "tenth", "median")
    )
    yield Figure("1 callback with a small array", size, size, best, tenth, median)


def _ahead(student: Student) -> Iterator[Figure]:
    """Calls as they are made when a check replays its examples: sent ahead, several at a time."""
    one, other = np.ones(SMALL), np.full(SMALL, 2.0)
    size = one.nbytes
    calls = {
        "1 small array, 1 back, ahead": ("give_back", (one,), size),
        "2 small arrays, 1 back, ahead": ("add", (one, other), 2 * size),
    }
    for what, (name, args, there) in calls.items():
        ready = foreseen([(name, args, {})] * EXAMPLES)
        assert ready is not None

        def check(name: str = name, args: tuple[np.ndarray, ...] = args, ready: Sequence[Foreseen] = ready) -> None:
            with student.ahead(ready):
                for _ in range(EXAMPLES):
                    student.forget()
                    student.call(name, *args)

        whole = _figure("", student, 0, 0, check)
        best, tenth, median = (getattr(whole, each) / EXAMPLES for each in ("best", "tenth", "median"))
        yield Figure(what, there, size, best, tenth, median)


def _by_size(student: Student) -> Iterator[Figure]:
    for size in SIZES:
        array = np.ones(size // 8)
        yield _figure("1 array", student, size, 0, lambda array=array: student.look(array))  # type: ignore[misc]
        yield _figure("1 array and back", student, size, size, lambda array=array: student.give_back(array))  # type: ignore[misc]


def _shared(student: Student) -> Iterator[Figure]:
    for size in SHARED:
        array = np.ones(size // 8)
        for name, given in (("sent", array), ("shared", share(array))):
            yield _figure(f"1 array, {name}, summed", student, size, 8, lambda given=given: student.total(given))  # type: ignore[misc]


def _figure(what: str, student: Student, there: int, back: int, call: Callable[[], object]) -> Figure:
    """Each call is timed by itself, so that only those suffer during which something else ran."""
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(times) < FEWEST or (len(times) < MOST and time.perf_counter() < until):
        student.forget()
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    times.sort()
    return Figure(what, there, back, times[0], times[len(times) // 10], times[len(times) // 2])


def _size(count: int) -> str:
    for unit, name in ((MiB, "MiB"), (KiB, "KiB")):
        if count >= unit:
            return f"{count // unit} {name}"
    return f"{count} B"


if __name__ == "__main__":
    main()
