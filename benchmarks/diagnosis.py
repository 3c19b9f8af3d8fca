"""How many known mistakes are named rightly when they come in disguise, and how many are named wrongly.

    python -m benchmarks.diagnosis [--all | --cost] [exercise ...]

The disguises of tests/exercises/disguised are written by hand, from the sentence of each mistake. With --all, every
mutant of each exercise is also put into a disguise by machine: its arguments come in another memory order, so that sums
run in another order, and its results are rounded once more. With --cost, it is measured instead what preparing a round
and diagnosing each mutant take.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from assay.checks.answers import Answer  # noqa: E402
from assay.course import open_course  # noqa: E402
from assay.grading.diagnosis import Known, adopt, diagnosed, prepare  # noqa: E402
from assay.grading.known import Memory  # noqa: E402
from assay.grading.witness import local_witness  # noqa: E402
from assay.outcome import CheckResult  # noqa: E402
from tests.support.diagnosis import (  # noqa: E402
    PATIENT,
    Clinic,
    Disguise,
    by_hand,
    disguised_exercises,
    secret_of,
)

NUMPY = ("gradient_descent", "convolution", "backprop", "gcn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*", default=[])
    parser.add_argument("--all", action="store_true", help="every mutant, disguised by machine")
    parser.add_argument("--cost", action="store_true", help="processor time and size instead")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    course = open_course(ROOT)
    if options.cost:
        for name in options.exercises or NUMPY:
            measure_cost(Clinic(course[name]))
        return
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


def measure_cost(clinic: Clinic) -> None:
    """Print what a round and each diagnosis take, in processor time, with and without preparation."""
    other = Clinic(clinic.exercise)
    started = time.process_time()
    data = prepare(other.known, secret_of(0))
    prepared = time.process_time()
    adopt(clinic.known, data)
    adopted = time.process_time()
    heard = sum(len(memory.heard) for memory in clinic.known.memories.values())
    print(
        f"{clinic.exercise.name}: prepared in {prepared - started:.1f} s, {len(data) / 2**20:.1f} MiB, "
        f"{heard} answers; taken over in {1000 * (adopted - prepared):.0f} ms"
    )
    failed = [(answer, clinic.results(answer.function, answer.of)) for answer in tasks_mutants(clinic)]
    for kind, known in (("unprepared", None), ("prepared", clinic.known)):
        costs = [cost(clinic, known or Clinic(clinic.exercise).known, *each) for each in failed]
        for what, times in (("in all", [sum(one) for one in costs]), ("less the student", [one[0] for one in costs])):
            median, p95 = statistics.median(times), sorted(times)[int(0.95 * len(times))]
            print(f"    {kind:11} {what:17} median {1000 * median:7.1f} ms   p95 {1000 * p95:7.1f} ms", flush=True)


def tasks_mutants(clinic: Clinic) -> list[Answer]:
    return [answer for answer in clinic.known.mutants if clinic.can_diagnose(answer.of)]


def cost(clinic: Clinic, known: Known, answer: Answer, results: list[CheckResult]) -> tuple[float, float]:
    """Processor time of one diagnosis, and of the student in it. What `known` holds afterwards is as before."""
    memories = {key: Memory(dict(one.heard), set(one.failed), set(one.lost)) for key, one in known.memories.items()}
    for key, memory in memories.items():
        memory.contrasts.update(known.memories[key].contrasts)
    once = replace(known, drawn=dict(known.drawn), memories=memories)
    with local_witness({**known.reference, answer.of: answer.function}, PATIENT) as student:
        asking = 0.0
        listen = student.listen

        def timed(*args: Any, **kwargs: Any) -> Any:
            nonlocal asking
            begun = time.process_time()
            try:
                return listen(*args, **kwargs)
            finally:
                asking += time.process_time() - begun

        student.listen = timed  # type: ignore[method-assign]
        started = time.process_time()
        diagnosed(once, results, student, secret_of(0), seconds=math.inf, task_seconds=math.inf)
        return time.process_time() - started - asking, asking


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
