"""Try code that we trust on the checks of an exercise: the reference, stubs, right and wrong answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from inspect import signature
from typing import Any

from assay.checks.answers import Answer
from assay.checks.bank import Bank
from assay.checks.collected import seed_for
from assay.checks.plugin import checks_in
from assay.checks.runner import Verdict, run_check
from assay.checks.siblings import load, siblings
from assay.checks.suite import run_suite
from assay.course import Exercise
from assay.outcome import CheckResult, Outcome
from assay.sandbox.local import local_student
from assay.sandbox.proxy import Student

PATIENCE = 30.0  # seconds for one call

Namespace = Mapping[str, object]


@dataclass(frozen=True)
class Bench:
    """An exercise on which code that we trust is tried, and what has been drawn for it."""

    exercise: Exercise
    bank: Bank = field(default_factory=Bank)

    def run(self, changes: Namespace, *, seed: int = 0, only: frozenset[str] | None = None) -> tuple[CheckResult, ...]:
        """The results of the reference with some of its functions replaced.

        With `only`, just the checks of these names are run, each whether or not the one it comes after failed.
        """
        exercise = self.exercise
        with self._student(changes) as student, self._student({}) as control:
            return run_suite(
                exercise.checks if exercise.checks.is_file() else None,
                exercise.reference,
                exercise.tasks,
                student,
                control,
                _secret(seed),
                shrink_seconds=0.0,
                bank=self.bank,
                only=only,
            )

    def failed(self, answer: Answer, names: Iterable[str], *, seed: int = 0) -> Iterator[str]:
        """Which of these checks an answer does not pass, found one after another, each run on its own."""
        changes = {answer.of: answer.function}
        with self._student(changes) as student:
            for name in names:
                verdict = self._verdict(name, student, seed)
                if verdict is Verdict.DOUBTFUL:
                    outcomes = [check.outcome for check in self.run(changes, seed=seed, only=frozenset([name]))]
                    verdict = Verdict.PASSED if outcomes == [Outcome.PASSED] else Verdict.FAILED
                if verdict is not Verdict.PASSED:
                    yield name

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """The results of the reference, for what they say of the checks."""
        return self.run({})

    def about(self, answer: Answer) -> tuple[CheckResult, ...]:
        """The checks that an answer can fail: those of its task, or all where it is no task of its own."""
        return tuple(check for check in self.checks if check.task == answer.of) or self.checks

    @cached_property
    def reference(self) -> Mapping[str, object]:
        """What the reference defines or imports by a public name."""
        with siblings(self.exercise.folder):
            module = load(self.exercise.reference)
        return {name: value for name, value in vars(module).items() if not name.startswith("_")}

    @cached_property
    def _plain(self) -> Mapping[str, Callable[..., Any]]:
        """The checks that need nothing but a student, so that they can be run without collecting a whole suite."""
        if not self.exercise.checks.is_file():
            return {}
        with siblings(self.exercise.folder):
            module = load(self.exercise.checks)
        found = [pair for name, value in vars(module).items() for pair in checks_in(name, value)]
        return {name: check for name, check in found if list(signature(check).parameters) == ["student"]}

    def _verdict(self, name: str, student: Student, seed: int) -> Verdict:
        """DOUBTFUL where only the whole suite can tell."""
        check = self._plain.get(name)
        if check is None:
            return Verdict.DOUBTFUL
        drawn_from = seed_for(_secret(seed), name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ran = run_check(
                check, {"student": student}, student, name=name, seed=drawn_from, shrink_seconds=0.0, bank=self.bank
            )
        return ran.verdict

    def _student(self, changes: Namespace) -> AbstractContextManager[Student]:
        # Nobody is kept waiting, and a machine that is busy must not make a right answer wrong.
        patient = replace(self.exercise.limits, call_seconds=PATIENCE, seconds=100 * PATIENCE)
        return local_student({**self.reference, **changes}, patient)


def _secret(seed: int) -> bytes:
    return sha256(f"seed {seed}".encode()).digest()
