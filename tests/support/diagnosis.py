"""Diagnose answers of our own, without a sandbox."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any

from assay.checks.bank import Bank
from assay.checks.collected import seed_for
from assay.checks.runner import Verdict, run_check
from assay.course import Exercise
from assay.grading.bench import Bench
from assay.grading.diagnosis import Known, diagnosed, known
from assay.grading.witness import Witness, local_witness
from assay.outcome import CheckResult, Outcome


@dataclass(frozen=True)
class Clinic:
    """An exercise whose diagnosis is tried."""

    exercise: Exercise
    bank: Bank = field(default_factory=Bank)

    @cached_property
    def known(self) -> Known:
        return known(self.exercise.folder, self.exercise.tasks, self.exercise.limits)

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        return Bench(self.exercise, self.bank).run({})

    def told(self, function: Callable[..., Any], of: str, *, seed: int = 0) -> tuple[str, ...]:
        """What is told to a student whose answer to the task `of` is that function; all else is right."""
        secret = sha256(f"seed {seed}".encode()).digest()
        with local_witness({**self.known.reference, of: function}, self.exercise.limits) as student:
            about = [check for check in self.checks if check.task == of and check.name in self.known.checks]
            results = [self._result(check, student, secret) for check in about]
            found = diagnosed(self.known, results, student, secret, seconds=math.inf, task_seconds=math.inf)
        return tuple(sentence for result in found for sentence in result.diagnosis)

    def _result(self, check: CheckResult, student: Witness, secret: bytes) -> CheckResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ran = run_check(
                self.known.checks[check.name],
                {"student": student},
                student,
                name=check.name,
                seed=seed_for(secret, check.name),
                shrink_seconds=0.0,
                bank=self.bank,
            )
        outcome = Outcome.PASSED if ran.verdict is Verdict.PASSED else Outcome.FAILED
        return replace(check, outcome=outcome, message=ran.message)


@dataclass(frozen=True)
class Disguise:
    """A known mistake in other words."""

    name: str
    of: str
    mistakes: tuple[str, ...]  # names of the mutants that it is, all of them right
    function: Callable[..., Any]


def disguise(of: str, *mistakes: str) -> Callable[[Callable[..., Any]], Disguise]:
    """Mark a function or class as an answer to the task `of` with a mistake that these mutants make."""
    return lambda function: Disguise(function.__name__, of, mistakes, function)
