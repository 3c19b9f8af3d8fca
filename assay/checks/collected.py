"""One pytest session over the checks of an exercise: what is collected, for which task, and what each came to."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assay.checks.bank import Bank
from assay.checks.check import Check, check_of, is_property, sentence_of
from assay.checks.examples import Signatures, parameters_of
from assay.checks.plugin import checks_in
from assay.checks.runner import UNUSABLE, Ran, Verdict, judge, run_check, smaller
from assay.checks.standing import standing
from assay.course import Task
from assay.errors import AuthoringError
from assay.outcome import CheckResult


@dataclass(frozen=True)
class Collected:
    """One check, and the task whose points it earns."""

    name: str
    task: str
    points: float
    check: Check
    draws: bool = False  # whether Hypothesis draws its arguments


@dataclass(frozen=True)
class Suite:
    """The files of one exercise."""

    checks: Path | None  # None: the standing checks alone
    reference: ModuleType
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Seat:
    """Who is judged by a collected suite, and on what."""

    student: Any
    control: Any = None  # the reference as a student
    bank: Bank | None = None
    only: frozenset[str] | None = None  # names of the checks to run; None: all
    # Told all results as soon as they are there. Only then smaller failing examples are looked for.
    told: Callable[[tuple[CheckResult, ...]], None] | None = None


class Module(pytest.Module):
    """The file of checks. Where there is none, nothing is collected from the reference in its place."""

    checks: bool = True

    def collect(self) -> Any:
        try:
            return super().collect() if self.checks else []
        except (SystemExit, pytest.exit.Exception) as error:
            raise self.CollectError(f"it ends Python with {type(error).__name__}({error}); remove that call") from None


@dataclass(eq=False)
class Session:
    """pytest plugin for one run of a suite against one student, who is asked for when the checks are collected."""

    suite: Suite
    admit: Callable[[Session], Seat]
    secret: bytes = b""
    shrink_seconds: float = 0.0
    collected: dict[str, Collected] = field(default_factory=dict)
    ran: dict[str, Ran] = field(default_factory=dict)
    problem: str = ""  # why nothing could be collected
    interrupted: bool = False  # by Control-C
    module: Module | None = None
    seat: Seat = Seat(None)
    folder: str = ""  # in which the checks run
    parameters: Signatures = field(default_factory=dict)
    tell: Callable[[], None] = lambda: None  # called once, when all checks have come to something

    @pytest.fixture(scope="session")
    def student(self) -> Any:
        """The student's functions."""
        return self.seat.student

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> Module:
        self.module = Module.from_parent(parent, path=module_path)
        self.module.checks = self.suite.checks is not None
        return self.module

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.problem:
            lines = [line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E  ")]
            self.problem = " ".join(lines) or report.longreprtext.strip()[-500:]
        elif report.skipped and not self.problem:
            self.problem = "it skips itself; a file of checks may not do that"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        try:
            self._arrange(items)
        except AuthoringError as error:
            self.problem = self.problem or str(error)
            items.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Before pytest runs what it has collected."""
        if not self.problem:
            self.parameters = parameters_of(self.suite.reference)
            self.seat = self.admit(self)
            self.folder = os.getcwd()
            only = self.seat.only
            session.items[:] = [item for item in session.items if only is None or name_of(item) in only]

    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        name = name_of(pyfuncitem)
        arguments = {
            parameter: pyfuncitem.funcargs[parameter]
            for parameter in inspect.signature(pyfuncitem.obj).parameters
            if parameter in pyfuncitem.funcargs
        }
        if pyfuncitem.get_closest_marker("xfail") is not None:
            self.ran[name] = Ran(Verdict.BROKEN, note="A check may not be marked xfail; nothing was judged.")
        elif name in self.ran or not self._follows_a_failure(self.collected[name]):
            self.ran[name] = self._ran(name, pyfuncitem.obj, arguments)
            if not self.ran[name].smallest:
                pyfuncitem.session.items.append(pyfuncitem)  # it is run again after all others
        return True

    def _ran(self, name: str, function: Callable[..., Any], arguments: dict[str, Any]) -> Ran:
        """What a check comes to, or the second time, whether it also fails on something smaller."""
        how: dict[str, Any] = {
            "seed": seed_for(self.secret, name),
            "shrink_seconds": self.shrink_seconds,
            "parameters": self.parameters,
        }
        if name in self.ran:
            self.tell()
            return smaller(self.ran[name], function, arguments, self.seat.student, **how)
        later = self.seat.told is not None
        bank = self.seat.bank
        return run_check(function, arguments, self.seat.student, name=name, bank=bank, shrink_later=later, **how)

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Errors of fixtures, which are outside the check itself."""
        if call.excinfo is None or call.when == "call":
            return
        name = name_of(item)
        before = self.ran.get(name)
        if before is None or before.verdict is Verdict.PASSED:
            self.ran[name] = judge(call.excinfo.value)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.interrupted = type(excinfo.value) is KeyboardInterrupt  # pytest's own Interrupted is one too

    def settle(self) -> None:
        """Every check has come to something, also those that pytest.exit in a fixture kept from running."""
        for name, one in self.collected.items():
            asked_for = self.seat.only is None or name in self.seat.only
            if asked_for and name not in self.ran and not self._follows_a_failure(one):
                self.ran[name] = Ran(
                    Verdict.DOUBTFUL, UNUSABLE, note="It was not run. Does a fixture call pytest.exit?"
                )

    def _follows_a_failure(self, collected: Collected) -> bool:
        """Whether the check it comes after is known to have failed; then it is not run at all."""
        if self.seat.only is not None or collected.check.after is None:
            return False
        before = [one.name for one in self.collected.values() if one.check is collected.check.after]
        return any(name not in self.ran or self.ran[name].verdict is Verdict.FAILED for name in before)

    def _arrange(self, items: list[pytest.Item]) -> None:
        """Each check once and in order, and standing checks for tasks without any."""
        items[:] = _each_once(items)
        covered = {task_of(item, self.suite.tasks) for item in items if _mark(item) is not None}
        for bare in (task for task in self.suite.tasks if task.name not in covered):
            items.extend(self._standing(bare))
        repeats = Counter(_origin(item) for item in items)
        for item in items:
            check = _mark(item) or Check(sentence_of(item.obj))  # type: ignore[attr-defined]
            task = task_of(item, self.suite.tasks)
            worth, draws = check.points / repeats[_origin(item)], is_property(getattr(item, "obj", None))
            self.collected[name_of(item)] = Collected(name_of(item), task, worth, check, draws)
        _in_order(list(self.collected.values()))

    def _standing(self, task: Task) -> Iterator[pytest.Item]:
        function = getattr(self.suite.reference, task.name, None)
        if not inspect.isfunction(function) or self.module is None:
            raise AuthoringError(
                f"Nothing checks the task {task.name}: checks.py has no check for it, and reference.py no "
                f"function {task.name}. Write one of them, or change the marker cell of the notebook."
            )
        for name, law in checks_in(task.name, standing(function, points=task.points, task=task.name)):
            yield pytest.Function.from_parent(self.module, name=name, callobj=law)


def seed_for(secret: bytes, name: str) -> int:
    """Seed of one check: the first 8 bytes of HMAC-SHA256 of its name under `secret`."""
    return int.from_bytes(hmac.digest(secret, name.encode(), hashlib.sha256)[:8])


def name_of(item: pytest.Item) -> str:
    return item.nodeid.split("::", 1)[-1]


def task_of(item: pytest.Item, tasks: Sequence[Task]) -> str:
    """The task a check belongs to: said by the check, named by its function, or the only one."""
    names = [task.name for task in tasks]
    if not names:
        raise AuthoringError("The notebook has no marker cell, so no check can earn points. Add one for each task.")
    check = _mark(item)
    if check is None:  # a plain test without points: diagnosis alone
        return next((name for name in names if name in item.name), names[0])
    if check.task in names or check.about in names:
        return str(check.task if check.task in names else check.about)
    if check.task is None and len(names) == 1:
        return names[0]
    said = "does not say its task" if check.task is None else f"names the task {check.task}, which does not exist"
    raise AuthoringError(f"{name_of(item)} {said}. Write task=... with one of {', '.join(names)}.")


def _mark(item: pytest.Item) -> Check | None:
    return check_of(getattr(item, "obj", None))


def _origin(item: pytest.Item) -> str:
    """The name without the parameters that pytest.mark.parametrize adds."""
    return name_of(item).split("[", 1)[0]


def _each_once(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """A check imported or assigned under a second name is not run again."""
    first: dict[int, str] = {}
    return [item for item in items if first.setdefault(id(getattr(item, "obj", item)), _origin(item)) == _origin(item)]


def _in_order(collected: Sequence[Collected]) -> None:
    """Raises AuthoringError where a check comes after one that is not there, or is only run later."""
    seen: set[int] = set()
    for one in collected:
        if one.check.after is not None and id(one.check.after) not in seen:
            raise AuthoringError(
                f"{one.name} comes after {one.check.after.sentence!r}, which is not collected before it. "
                "Give that check a name of its own in checks.py, above this one."
            )
        seen.add(id(one.check))
