"""How many known mistakes are named rightly when they come in disguise, and how many are named wrongly.

    python -m benchmarks.diagnosis [--all] [exercise ...]

The disguises of tests/exercises/disguised are written by hand, from the sentence of each mistake. With --all, every
mutant of each exercise is also put into a disguise by machine: its arguments come in another memory order, so that sums
run in another order, and its results are rounded once more.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from assay.course import open_course  # noqa: E402
from tests.support.diagnosis import Clinic, Disguise, by_hand, disguised_exercises  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*", default=[])
    parser.add_argument("--all", action="store_true", help="every mutant, disguised by machine")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    course = open_course(ROOT)
    print(f"{'exercise':21} {'disguise':12} {'named':>10} {'alone':>10} {'wrongly':>8} {'seconds each':>13}")
    for name in options.exercises or disguised_exercises():
        clinic = Clinic(course[name])
        measure(clinic, "by hand", by_hand(name))
        if options.all:
            measure(clinic, "by machine", tuple(by_machine(clinic)))


def measure(clinic: Clinic, kind: str, disguises: tuple[Disguise, ...]) -> None:
    """Print one line: those named, those named alone, and those named as something that they are not."""
    named = alone = wrongly = 0
    missed = []
    started = time.process_time()
    for disguise in disguises:
        told = clinic.told(disguise.function, disguise.of)
        right = clinic.sentences(disguise) & set(told)
        named += bool(right)
        alone += bool(right) and len(told) == 1
        wrong = clinic.accused_wrongly(disguise, told)
        wrongly += bool(wrong)
        missed += [] if right and not wrong else [f"{disguise.of}: {disguise.name} {list(told)}"]
    each = (time.process_time() - started) / len(disguises)
    total = len(disguises)
    counts = f"{named:>4} of {total:<3} {alone:>4} of {total:<3} {wrongly:>8}"
    print(f"{clinic.exercise.name:21} {kind:12} {counts} {each:13.2f}", *missed, sep="\n    ", flush=True)


def by_machine(clinic: Clinic) -> Iterator[Disguise]:
    tasks = {task.name for task in clinic.exercise.tasks if clinic.can_diagnose(task.name)}
    for answer in clinic.known.mutants:
        if answer.of in tasks:
            function = answer.function
            yield Disguise(
                answer.name, answer.of, (answer.name,), function if inspect.isclass(function) else shaken(function)
            )


def shaken(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def disguised(*args: Any, **kwargs: Any) -> Any:
        turned = [np.asfortranarray(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
        result = rounded(function(*turned, **kwargs))
        for arg, copy in zip(args, turned, strict=True):
            if isinstance(arg, np.ndarray) and arg is not copy:
                arg[...] = copy
        return result

    return disguised


def rounded(value: Any) -> Any:
    """The same, but for the last digits, and in another memory order."""
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return np.asfortranarray(value * 3 / 3)
    if isinstance(value, tuple):
        return tuple(map(rounded, value))
    return value * 3 / 3 if isinstance(value, float) else value


if __name__ == "__main__":
    main()
