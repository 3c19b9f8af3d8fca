"""From the bank, asked ahead of its checks, every answer gets the verdict that it gets when everything runs live."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from assay.checks.answers import Answer
from assay.checks.bank import Bank
from assay.checks.check import check_of
from assay.checks.collected import seed_for
from assay.checks.plugin import checks_in
from assay.checks.runner import Verdict, run_check
from assay.checks.siblings import load, siblings
from assay.course import Course, Exercise
from assay.grading.bench import Bench
from assay.grading.judge_ready import sent_ahead
from assay.sandbox.local import local_student
from assay.sandbox.proxy import Recorded

COURSE = Course(Path(__file__).parents[2])
ROUNDS = {"backprop": 2, "convolution": 2, "gradient_descent": 2}  # one of every other exercise
CASES = [(name, number) for name in COURSE.exercises for number in range(ROUNDS.get(name, 1))]

Check = Callable[..., Any]


@pytest.mark.parametrize(("name", "number"), CASES, ids=lambda value: str(value))
def test_the_bank_changes_no_verdict(name: str, number: int) -> None:
    exercise = COURSE[name]
    bench, secret = Bench(exercise), sha256(f"round {number} of {name}".encode()).digest()
    with drawn_checks(exercise) as checks:
        bank = filled(exercise, checks, bench.reference, secret)
        assert {name for name, seed in bank._examples} == set(checks)
        different = [
            f"{answer.name} of {answer.of}: {check} is {kept.value} from the bank, {live.value} live"
            for answer in (*bench.alternatives, *bench.mutants)
            for check, kept, live in verdicts(exercise, answer, checks, bench.reference, secret, bank)
            if kept is not live
        ]
    assert different == []


@contextmanager
def drawn_checks(exercise: Exercise) -> Iterator[dict[str, Check]]:
    """The checks of an exercise by name, without those that train. Their module is importable meanwhile."""
    with siblings(exercise.folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = load(exercise.checks)
        found = dict(pair for name, value in vars(module).items() for pair in checks_in(name, value))
        yield {name: check for name, check in found.items() if is_drawn(check)}


def is_drawn(check: Check) -> bool:
    mark = check_of(check)
    return mark is not None and mark.reveals == "counterexample" and hasattr(check, "hypothesis")


def concerned(exercise: Exercise, checks: Mapping[str, Check], answer: Answer) -> Mapping[str, Check]:
    """The checks that an answer can fail: those of its task, or all where it is no task of its own."""
    if answer.of not in {task.name for task in exercise.tasks}:
        return checks
    marks = {name: mark for name, check in checks.items() if (mark := check_of(check)) is not None}
    return {name: checks[name] for name, mark in marks.items() if answer.of in (mark.task, mark.about)}


def filled(exercise: Exercise, checks: Mapping[str, Check], reference: Mapping[str, object], secret: bytes) -> Bank:
    """What the reference leaves in a bank, as another process would get it."""
    bank, plain = Bank(with_calls=True), set()
    with local_student(reference, exercise.limits) as student:
        for name, check in checks.items():
            assert list(inspect.signature(check).parameters) == ["student"]
            assert judged(name, check, student, secret, bank) is Verdict.PASSED, name
            plain |= set() if any(map(holds_object, student.calls)) else {name}
    bank.make_ready(sent_ahead)
    ahead = {name for name in checks if bank.calls(name, seed_for(secret, name))}
    assert ahead <= plain and bool(ahead) == bool(plain)  # a network, or whatever else stays, is asked as it comes
    return Bank.loads(bank.dumps())


def holds_object(value: Any) -> bool:
    """Whether functions or objects that stay with the student are passed or returned."""
    if isinstance(value, Recorded):
        return holds_object((value.returned, value.args, tuple(value.kwargs.values())))
    return callable(value) or (isinstance(value, (tuple, list)) and any(map(holds_object, value)))


def verdicts(
    exercise: Exercise,
    answer: Answer,
    checks: Mapping[str, Check],
    reference: Mapping[str, object],
    secret: bytes,
    bank: Bank,
) -> Iterator[tuple[str, Verdict, Verdict]]:
    """Of every check that the answer can fail, from the bank and live."""
    functions = {**reference, answer.of: answer.function}
    with local_student(functions, exercise.limits) as student, local_student(functions, exercise.limits) as live:
        for name, check in concerned(exercise, checks, answer).items():
            yield name, judged(name, check, student, secret, bank), judged(name, check, live, secret, None)


def judged(name: str, check: Check, student: Any, secret: bytes, bank: Bank | None) -> Verdict:
    seed = seed_for(secret, name)
    return run_check(check, {"student": student}, student, name=name, seed=seed, shrink_seconds=0.0, bank=bank).verdict
