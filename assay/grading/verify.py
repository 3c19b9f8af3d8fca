"""Check the checks: what an exercise owes its students before it is released.

The reference and every right alternative get all points; the stub gets none, zeros of the right shape next to none;
every known wrong answer loses points, whatever is drawn; and every check is failed by one of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from assay.checks.answers import Answer, answers_in
from assay.checks.suite import wrong_sums
from assay.course import Exercise
from assay.grading.bench import Bench
from assay.outcome import CheckResult, Outcome

SEEDS = 8
ZEROS_MAY_EARN = 0.1  # of the points of a task


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
    checks = exercise.checks if exercise.checks.is_file() else None
    for sentence in wrong_sums(checks, exercise.reference, exercise.tasks):
        yield Finding("points", exercise.name, sentence)


def reference(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """The reference passes every check."""
    for seed in range(seeds):
        for check in bench.run({}, seed=seed):
            if check.outcome is not Outcome.PASSED:
                yield Finding("reference", check.name, f"The reference does not pass {_told(check, seed)}")


def stub(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Functions as they are released, which raise NotImplementedError, earn nothing."""
    for check in bench.run(dict.fromkeys(_answers(bench), _not_answered)):
        if check.earned:
            yield Finding("stub", check.name, f"The unanswered stub earns points for {_told(check, 0)}")


def zeros(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Results of the right structure, shape and dtype, but all zero, earn at most a tenth of each task.

    Classes are left as they are in the reference, so tasks that consist of a class say nothing here.
    """
    functions = {name: value for name, value in _answers(bench).items() if inspect.isfunction(value)}
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
    for answer in answers_in(bench.exercise.alternatives):
        names = [check.name for check in bench.about(answer)]
        for seed in range(seeds):
            failed = frozenset(bench.failed(answer, names, seed=seed))
            changes = {answer.of: answer.function}
            for check in bench.run(changes, seed=seed, only=failed) if failed else ():
                says = f"The alternative {answer.name} of {answer.of} does not pass {_told(check, seed)}"
                yield Finding("alternatives", answer.name, says)


def mutants(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Every known wrong answer loses points on every seed."""
    for answer in answers_in(bench.exercise.mutants):
        names = [check.name for check in bench.about(answer) if check.points]
        for seed in range(seeds):
            found = next(bench.failed(answer, names, seed=seed), None)
            if found is not None:  # the first to be looked at on the next seed
                names.sort(key=lambda name: name != found)
            elif not _loses_points(bench, answer, seed):
                says = (
                    f"The mutant {answer.name} of {answer.of} gets full points on seed {seed}. "
                    f"Add a check that sees it: {answer.says}"
                )
                yield Finding("mutants", answer.name, says)
                break


def vacuous(bench: Bench, seeds: int = SEEDS) -> Iterator[Finding]:
    """Every check is failed by some known wrong answer."""
    wanting = {check.name for check in bench.checks}
    for answer in answers_in(bench.exercise.mutants):
        names = [check.name for check in bench.about(answer) if check.name in wanting]
        wanting.difference_update(bench.failed(answer, names))
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


def _loses_points(bench: Bench, answer: Answer, seed: int) -> bool:
    """Also by a check without points, where another that has some comes after it."""
    checks = bench.run({answer.of: answer.function}, seed=seed)
    return any(check.points and not check.earned for check in checks)


def _answers(bench: Bench) -> dict[str, Callable[..., Any]]:
    """Functions and classes that the reference itself defines."""
    own = bench.exercise.reference.stem
    return {
        name: value
        for name, value in bench.reference.items()
        if callable(value) and getattr(value, "__module__", None) == own
    }


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
