"""Run one check against one student: every example, the smallest one that fails, and what that means."""

from __future__ import annotations

import copy
import functools
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import hypothesis
import pytest
from hypothesis.errors import FailedHealthCheck, Flaky, HypothesisException, StopTest, Unsatisfiable

from assay.checks.bank import Bank, Example
from assay.checks.check import EXAMPLES, is_property, prepare
from assay.checks.compare import Mismatch
from assay.checks.examples import Signatures, counterexample_of
from assay.checks.foreseen import calls_made
from assay.checks.show import printable
from assay.checks.steady import steady_draws
from assay.errors import AuthoringError, StudentError, StudentLost, Unforeseen
from assay.outcome import Counterexample

SHRINK_SECONDS = 3.0  # after the first failing example, look no longer than this for a smaller one
QUICK_SECONDS = 3.0  # a check that takes longer with the reference gains nothing from calls that are known beforehand
MESSAGE = 500  # characters of a message
UNUSABLE = "returned something that this check could not use"
FLAKY = "gives different answers for the same input"


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    DOUBTFUL = "doubtful"  # ours, or brought about by what the student returned: the reference has to try
    BROKEN = "broken"


@dataclass(frozen=True)
class Ran:
    """What one run of a check came to."""

    verdict: Verdict
    message: str = ""
    counterexample: Counterexample | None = None  # the smallest failing example
    note: str = ""  # traceback, for staff
    smallest: bool = True  # False: `smaller` may find a smaller counterexample


@dataclass(frozen=True)
class StandIn:
    """What Hypothesis sees of a fixture: it prints the arguments of failing examples, and asking a student proxy
    for the methods of a printer would be calls of a student's functions."""

    name: str


class Enough(BaseException):
    """The time for shrinking is over."""


@dataclass
class Watch:
    """Remembers the last failing example. Hypothesis runs the smallest one last."""

    student: Any
    seconds: float
    parameters: Signatures
    record: bool = False
    calls: tuple[Any, ...] = ()
    error: BaseException | None = None
    until: float = float("inf")
    passed: list[Example] = field(default_factory=list)  # examples that held, where they are recorded

    def around(self, test: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(test)
        def example(*args: Any, **kwargs: Any) -> Any:
            if time.monotonic() > self.until:
                raise Enough
            self.student.forget()
            drawn = copy.deepcopy(kwargs) if self.record and not args else None
            try:
                result = test(*args, **kwargs)
                if drawn is not None:
                    self.passed.append(drawn)
                return result
            except (StopTest, HypothesisException, KeyboardInterrupt, Unforeseen):
                raise
            except BaseException as error:
                self._remember(error)
                raise

        return example

    def _remember(self, error: BaseException) -> None:
        if self.error is None:
            self.until = time.monotonic() + self.seconds
        self.error = error
        self.calls = tuple(self.student.calls)

    def let_go(self) -> None:
        """Of the frames of the last failing example, which hold this watch and all values of the example."""
        if self.error is not None:
            self.error.__traceback__ = None


def run_check(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    student: Any,
    *,
    name: str,
    seed: int,
    shrink_seconds: float = SHRINK_SECONDS,
    bank: Bank | None = None,
    parameters: Signatures = MappingProxyType({}),
    shrink_later: bool = False,
) -> Ran:
    """Call a check with its fixtures. `parameters` are those of each function, to name the arguments of calls.

    With `shrink_later`, what fails on an example of the bank is the result as it is, for `smaller` to be called.
    Only KeyboardInterrupt escapes.
    """
    test = _test_of(function)
    examples = bank.get(name, seed) if bank is not None else ()
    record = bank is not None and not examples and is_property(test)
    replaying, drawing = (Watch(student, shrink_seconds, parameters, record=each) for each in (False, record))
    try:
        if bank is not None and examples:
            calls = bank.calls(name, seed)
            failed = _failure(replaying, lambda: _replay(test, arguments, replaying, examples, calls))
            if isinstance(failed, Unforeseen):
                examples = bank.get(name, seed)  # the check may have changed those
                failed = _failure(replaying, lambda: _replay(test, arguments, replaying, examples))
            if failed is None or isinstance(failed, StudentLost):
                return _came_to(failed, replaying)
            first = replace(_came_to(failed, replaying), smallest=False)
            how: dict[str, Any] = {"seed": seed, "shrink_seconds": shrink_seconds, "parameters": parameters}
            return first if shrink_later else smaller(first, function, arguments, student, **how)
        started = time.monotonic()
        drawn = _drawn(function, arguments, drawing, seed)
        if drawn is None and record and bank is not None:
            bank.keep(name, seed, drawing.passed)
            if bank.with_calls and time.monotonic() - started < QUICK_SECONDS:
                bank.keep_calls(name, seed, calls_made(_inner(test), arguments, student, bank.get(name, seed)))
        return _came_to(drawn, drawing)
    finally:
        replaying.let_go()
        drawing.let_go()


def smaller(
    ran: Ran,
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    student: Any,
    *,
    seed: int,
    shrink_seconds: float = SHRINK_SECONDS,
    parameters: Signatures = MappingProxyType({}),
) -> Ran:
    """What `run_check` would have come to without `shrink_later`: the same failure on a smaller example, if there is
    one.

    Only KeyboardInterrupt escapes.
    """
    drawing = Watch(student, shrink_seconds, parameters)
    try:
        drawn = _drawn(function, arguments, drawing, seed)
        return replace(ran, smallest=True) if drawn is None else _came_to(drawn, drawing)
    finally:
        drawing.let_go()


def _failure(watch: Watch, run: Callable[[], None]) -> BaseException | None:
    """What a run of a check failed with. Raises KeyboardInterrupt alone."""
    try:
        with steady_draws():
            run()
    except KeyboardInterrupt:
        raise
    except Enough as enough:
        return watch.error or enough
    except BaseException as error:
        return error
    return None


def _came_to(failure: BaseException | None, watch: Watch) -> Ran:
    return Ran(Verdict.PASSED) if failure is None else judge(failure, watch.calls, watch.parameters)


def _replay(
    test: Any, arguments: Mapping[str, Any], watch: Watch, examples: Sequence[Example], calls: Sequence[Any] = ()
) -> None:
    """Every example, while the student is asked ahead for these calls."""
    run = watch.around(_seated(test.hypothesis.inner_test, arguments))
    with watch.student.ahead(calls) if calls else nullcontext():
        for example in examples:
            run(**example)


def _inner(test: Any) -> Callable[[Mapping[str, Any], Example], object]:
    """One example of a check, with the fixtures that it is given."""
    return lambda fixtures, example: _seated(test.hypothesis.inner_test, fixtures)(**example)


def _drawn(function: Any, arguments: Mapping[str, Any], watch: Watch, seed: int) -> BaseException | None:
    """What a check failed with on examples that are drawn for it."""
    return _failure(watch, lambda: _draw(function, _test_of(function), arguments, watch, seed))


def _test_of(function: Any) -> Any:
    """What attributes can be set on: not a bound method."""
    return getattr(function, "__func__", function)


def _draw(function: Any, test: Any, arguments: Mapping[str, Any], watch: Watch, seed: int) -> None:
    prepare(test, EXAMPLES)
    if not is_property(test):
        if watch.around(function)(**arguments) is not None:
            raise AuthoringError(f"{test.__name__} returns a value instead of asserting something.")
        return
    inner = test.hypothesis.inner_test
    test.hypothesis.inner_test = watch.around(_seated(inner, arguments))
    hypothesis.seed(seed)(test)
    try:
        function(**{name: StandIn(name) for name in arguments})
    finally:
        test.hypothesis.inner_test = inner


def _seated(test: Callable[..., Any], fixtures: Mapping[str, Any]) -> Callable[..., Any]:
    """The test with its fixtures in place of their stand-ins."""

    @functools.wraps(test)
    def with_fixtures(*args: Any, **kwargs: Any) -> Any:
        return test(*map(_real, args), **{name: _real(value) for name, value in kwargs.items()})

    def _real(value: Any) -> Any:
        return fixtures[value.name] if isinstance(value, StandIn) else value

    return with_fixtures


def judge(error: BaseException, calls: tuple[Any, ...] = (), parameters: Signatures = MappingProxyType({})) -> Ran:
    """What an exception out of a check means.

    Only an assertion or a failed call is sure to be the student's. Anything else may be the author's, but may as
    well be brought about by what a student returns, so that alone it never counts as ours.
    """
    note = "".join(traceback.format_exception(error))[-8000:]
    example = counterexample_of(calls, error if isinstance(error, Mismatch) else None, parameters)
    if isinstance(error, (StudentError, StudentLost)):
        return Ran(Verdict.FAILED, _said(error.message), example, note)
    if isinstance(error, Mismatch):
        return Ran(Verdict.FAILED, _said(error.message), example, note)
    if isinstance(error, Flaky):
        return Ran(Verdict.DOUBTFUL, FLAKY, example, note)
    if isinstance(error, AssertionError):
        return Ran(Verdict.FAILED, _said(str(error)) or "what this check asserts does not hold", example, note)
    if isinstance(error, (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception)):
        note = f"A check may not skip, xfail or exit; nothing was judged.\n{note}"
    elif isinstance(error, pytest.fail.Exception):
        return Ran(Verdict.FAILED, _said(str(error.msg)), example, note)
    elif isinstance(error, (Unsatisfiable, FailedHealthCheck)):
        note = f"Too few inputs were found: where= or assume() lets (almost) nothing through.\n{note}"
    return Ran(Verdict.DOUBTFUL, UNUSABLE, example, note)


def _said(text: str) -> str:
    return printable(text.strip(), MESSAGE)
