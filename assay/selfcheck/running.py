"""Run self-checks against a student, and say what each came to in the words of the feedback."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from assay.checks.check import Check, check_of, sentence_of
from assay.checks.collected import seed_for
from assay.checks.examples import parameters_of
from assay.checks.plugin import checks_in
from assay.checks.runner import Ran, Verdict, run_check
from assay.course import Task
from assay.outcome import CheckResult, Outcome, Report
from assay.sandbox.explain import NOT_ANSWERED, without_noise
from assay.selfcheck.students import OwnStudent

SECRET = b"self-checks"  # no secret: the same examples every time, so that a check changes only when the answer does
SHRINK_SECONDS = 1.0
ABSENT = "is not among the libraries of this exercise"  # said where a library is missing in grading
NOT_INSTALLED = "is not installed here"


@dataclass(frozen=True)
class SelfCheck:
    """One check of a released file, and the student's function that it is about."""

    name: str
    about: str
    check: Check
    function: Callable[..., Any]


@dataclass
class Runs:
    """Checks run so far in one file: what each came to, in order."""

    student: OwnStudent
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secret: bytes = SECRET
    results: dict[str, CheckResult] = field(default_factory=dict)
    _failed: dict[int, str] = field(default_factory=dict)  # sentences, by identity of the check

    def run(
        self, one: SelfCheck, arguments: Mapping[str, Any] | None = None, *, shrink_seconds: float = SHRINK_SECONDS
    ) -> CheckResult:
        """Run one check, unless the one it comes after has failed. `arguments` are further fixtures."""
        reason = self._reason_not_to(one)
        if reason:
            result = CheckResult(one.name, one.about, one.check.sentence, 0.0, Outcome.FAILED, reason, looked_at=False)
        else:
            result = _result(one, self._ran(one, {**(arguments or {}), "student": self.student}, shrink_seconds))
        if result.outcome is Outcome.FAILED:
            self._failed[id(one.check)] = one.check.sentence
        self.results[one.name] = result
        return result

    def _reason_not_to(self, one: SelfCheck) -> str:
        before = self._failed.get(id(one.check.after))
        if before is not None:
            return f'not looked at, because "{before}" failed first'
        lost = self.student.lost.get(one.about)
        return "" if lost is None else f"not looked at, because {lost}"

    def _ran(self, one: SelfCheck, arguments: Mapping[str, Any], shrink_seconds: float) -> Ran:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an overflow shows in the result
            return run_check(
                one.function,
                arguments,
                self.student,
                name=one.name,
                seed=seed_for(self.secret, one.name),
                shrink_seconds=shrink_seconds,
                parameters=self.parameters,
            )


def self_checks(module: ModuleType) -> tuple[SelfCheck, ...]:
    """The checks of a file that need nothing but the student, in order: those that `%selfcheck` can run."""
    found: dict[int, SelfCheck] = {}
    for name, value in vars(module).items():
        for key, function in checks_in(name, value):
            found.setdefault(id(function), self_check(key, function))
    return tuple(found.values())


def self_check(name: str, function: Callable[..., Any]) -> SelfCheck:
    """A test function as a self-check, one without `@check` too."""
    check = check_of(function) or Check(sentence_of(function))
    return SelfCheck(name, check.task or check.about or "", check, function)


def parameters_in(module: ModuleType) -> Mapping[str, Mapping[str, Any]]:
    """Names and annotations of the parameters of the functions that the file describes."""
    return parameters_of(module)


def table(results: Sequence[CheckResult], notes: Sequence[str] = ()) -> tuple[Report, tuple[Task, ...]]:
    """The results as a report without points. A function that nobody has written yet is one line."""
    tasks = tuple(Task(name, 0.0) for name in dict.fromkeys(result.task for result in results))
    shown = tuple(result for task in tasks for result in _of_one(task.name, results))
    return Report(assignment="", checks=shown, notes=tuple(map(_here, notes))), tasks


def _of_one(task: str, results: Sequence[CheckResult]) -> Iterator[CheckResult]:
    mine = [result for result in results if result.task == task]
    looked_at = [result for result in mine if result.looked_at]
    if looked_at and all(result.message == NOT_ANSWERED for result in looked_at):
        yield CheckResult("", task, NOT_ANSWERED, 0.0, Outcome.FAILED)
    else:
        yield from mine


def _result(one: SelfCheck, ran: Ran) -> CheckResult:
    # There is no right answer here to blame the check with, so that what is doubtful is told as a failure.
    failed = ran.verdict is not Verdict.PASSED
    result = CheckResult(
        name=one.name,
        task=one.about,
        sentence=one.check.sentence,
        points=0.0,
        outcome=Outcome.FAILED if failed else Outcome.PASSED,
        message=_here(ran.message) if failed else "",
        hint=one.check.hint,
        counterexample=ran.counterexample if failed else None,
        staff_note=ran.note,
    )
    return without_noise(replace(result, hint=result.hint if failed else ""))


def _here(text: str) -> str:
    return text.replace(ABSENT, NOT_INSTALLED)
