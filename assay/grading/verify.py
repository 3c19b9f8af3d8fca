"""Check the checks: what an exercise owes its students before it is released.

The reference and every right alternative get all points; the stub gets none, zeros of the right shape next to none;
every known wrong answer loses points, whatever is drawn; and every check is failed by one of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from assay.checks.answers import Answer, answers_in
from assay.checks.bank import Bank
from assay.checks.siblings import load, siblings
from assay.checks.suite import run_suite, wrong_sums
from assay.course import Exercise
from assay.outcome import CheckResult, Outcome
from assay.sandbox.local import local_student

SEEDS = 8
ZEROS_MAY_EARN = 0.1  # of the points of a task

Namespace = Mapping[str, object]


@dataclass(frozen=True)
class Bench:
    """An exercise on which trusted code is tried, and what has been drawn for it."""

    exercise: Exercise
    bank: Bank = field(default_factory=Bank)

    def run(self, changes: Namespace, *, seed: int = 0, only: frozenset[str] | None = None) -> tuple[CheckResult, ...]:
        """The results of the reference with some of its functions replaced.

        With `only`, just the checks of these names are run, each whether or not the one it comes after failed.
        """
        exercise, namespace = self.exercise, _namespace(self.exercise)
        with (
            local_student({**namespace, **changes}, exercise.limits) as student,
            local_student(namespace, exercise.limits) as control,
        ):
            return run_suite(
                _checks(exercise),
                exercise.reference,
                exercise.tasks,
                student,
                control,
                sha256(f"seed {seed}".encode()).digest(),
                shrink_seconds=0.0,
                bank=self.bank,
                only=only,
            )


@dataclass(frozen=True)
class Finding:
    """One thing that an exercise owes and does not give."""

    rule: str  # points, reference, stub, zeros, alternatives, mutants or vacuous
    about: str  # name of the answer, check or task
    says: str  # for the author: what happened and what to do


def verify(exercise: Exercise, *, seeds: int = SEEDS) -> Iterator[Finding]:
    """Everything found wrong with an exercise, as it is found. Raises AuthoringError where it cannot be run at all."""
    bench = Bench(exercise)
    for rule in RULES.values():
        yield from rule(bench, seeds)


def points(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """The checks of each task add up to the points of its marker cell."""
    exercise = bench.exercise
    for sentence in wrong_sums(_checks(exercise), exercise.reference, exercise.tasks):
        yield Finding("points", exercise.name, sentence)


def reference(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """The reference passes every check."""
    for seed in range(seeds):
        for check in bench.run({}, seed=seed):
            if check.outcome is not Outcome.PASSED:
                yield Finding("reference", check.name, f"The reference does not pass {_told(check, seed)}")


def stub(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Functions as they are released, which raise NotImplementedError, earn nothing."""
    for check in bench.run(dict.fromkeys(_answers(bench.exercise), _not_answered)):
        if check.earned:
            yield Finding("stub", check.name, f"The unanswered stub earns points for {_told(check, 0)}")


def zeros(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Results of the right structure, shape and dtype, but all zero, earn at most a tenth of each task.

    Classes are left as they are in the reference, so tasks that consist of a class say nothing here.
    """
    functions = {name: value for name, value in _answers(bench.exercise).items() if inspect.isfunction(value)}
    checks = bench.run({name: _zeroed(function) for name, function in functions.items()})
    for task in bench.exercise.tasks:
        earned = sum(check.earned for check in checks if check.task == task.name and task.name in functions)
        if earned > ZEROS_MAY_EARN * task.points + 1e-9:
            free = ", ".join(check.name for check in checks if check.task == task.name and check.earned)
            says = (
                f"Zeros of the right shape earn {earned:g} of {task.points:g} points of {task.name} ({free}). "
                "Let these checks come after= the one of the values, or give their points to it."
            )
            yield Finding("zeros", task.name, says)


def alternatives(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Right answers written differently pass every check of their task."""
    names = _names(bench)
    for answer in answers_in(bench.exercise.alternatives):
        for seed in range(seeds):
            changes = {answer.of: answer.function}
            for check in bench.run(changes, seed=seed, only=names.of(answer)):
                if check.outcome is not Outcome.PASSED:
                    says = f"The alternative {answer.name} of {answer.of} does not pass {_told(check, seed)}"
                    yield Finding("alternatives", answer.name, says)


def mutants(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Every known wrong answer loses points on every seed."""
    names = _names(bench)
    for answer in answers_in(bench.exercise.mutants):
        likely: frozenset[str] = frozenset()
        for seed in range(seeds):
            likely = _costly(bench, answer, seed, likely, names.of(answer))
            if not likely:
                says = (
                    f"The mutant {answer.name} of {answer.of} gets full points on seed {seed}. "
                    f"Add a check that sees it: {answer.says}"
                )
                yield Finding("mutants", answer.name, says)
                break


def vacuous(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Every check is failed by some known wrong answer."""
    names = _names(bench)
    wanting = set(names.all)
    for answer in answers_in(bench.exercise.mutants):
        if only := names.of(answer) & wanting:
            for check in bench.run({answer.of: answer.function}, only=only):
                if check.outcome is Outcome.FAILED:
                    wanting.discard(check.name)
    for name in sorted(wanting):
        says = f"No mutant fails the check {name}. Write one that does into mutants.py, or remove the check."
        yield Finding("vacuous", name, says)


RULES: dict[str, Callable[[Bench, int], Iterator[Finding]]] = {
    "points": points,
    "reference": reference,
    "stub": stub,
    "zeros": zeros,
    "alternatives": alternatives,
    "mutants": mutants,
    "vacuous": vacuous,
}


@dataclass(frozen=True)
class _Names:
    """Names of all checks, and of those of each task."""

    all: frozenset[str]
    by_task: Mapping[str, frozenset[str]]

    def of(self, answer: Answer) -> frozenset[str]:
        """The checks that an answer can fail: those of its task, or all where it is no task of its own."""
        return self.by_task.get(answer.of, self.all)


def _names(bench: Bench) -> _Names:
    checks = bench.run({})
    by_task = {task.name: frozenset(c.name for c in checks if c.task == task.name) for task in bench.exercise.tasks}
    return _Names(frozenset(check.name for check in checks), by_task)


def _costly(bench: Bench, answer: Answer, seed: int, likely: frozenset[str], names: frozenset[str]) -> frozenset[str]:
    """A check that costs a wrong answer points on this seed, looking first at the one that did before; or none."""
    changes = {answer.of: answer.function}
    for only in filter(None, (likely, names - likely)):
        for check in bench.run(changes, seed=seed, only=only):
            if check.points and not check.earned:
                return frozenset([check.name])
    # One without points may still stop another that has some and comes after it.
    lost = (check.name for check in bench.run(changes, seed=seed) if check.points and not check.earned)
    return frozenset([name for name in lost][:1])


def _checks(exercise: Exercise) -> Path | None:
    return exercise.checks if exercise.checks.is_file() else None


def _namespace(exercise: Exercise) -> dict[str, object]:
    """What the reference defines or imports by a public name."""
    with siblings(exercise.folder):
        module = load(exercise.reference)
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}


def _answers(exercise: Exercise) -> dict[str, Callable[..., Any]]:
    """Functions and classes that the reference itself defines."""
    own = {n: v for n, v in _namespace(exercise).items() if getattr(v, "__module__", None) == exercise.reference.stem}
    return {name: value for name, value in own.items() if callable(value)}


def _not_answered(*args: object, **kwargs: object) -> None:
    raise NotImplementedError


def _zeroed(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def zeros_of_the_right_shape(*args: Any, **kwargs: Any) -> Any:
        return _zero(function(*args, **kwargs))

    return zeros_of_the_right_shape


def _zero(value: Any) -> Any:
    """The same structure with every number zero. Text and objects are left as they are."""
    if isinstance(value, (np.ndarray, np.generic)):
        return np.zeros_like(value)
    if isinstance(value, (bool, int, float)):
        return type(value)(0)
    if isinstance(value, (tuple, list)):
        return type(value)(map(_zero, value))
    if isinstance(value, dict):
        return {key: _zero(part) for key, part in value.items()}
    return _zeroed(value) if inspect.isfunction(value) else value


def _told(check: CheckResult, seed: int) -> str:
    said = check.staff_note.strip().splitlines()[-1:] if check.outcome is Outcome.BROKEN else [check.message]
    return f'{check.name} ("{check.sentence}") on seed {seed}: {check.outcome}. {" ".join(said)}'.rstrip()
