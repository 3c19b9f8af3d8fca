"""Run one check again on inputs of our choosing, outside a suite: to hear more of a function than a verdict."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
from hypothesis.errors import HypothesisException
from hypothesis.strategies import DataObject

from assay.checks.bank import Example
from assay.checks.check import EXAMPLES, check_of, is_property, prepare
from assay.checks.plugin import checks_in
from assay.checks.runner import Enough, StandIn
from assay.checks.siblings import load
from assay.checks.standing import standing
from assay.checks.steady import steady_draws
from assay.course import Task

Body = Callable[..., Any]
Key = tuple[str, int, int]  # name of a check, seed, number


@dataclass(frozen=True, eq=False)
class Probe:
    """One example of a check."""

    check: str  # its name
    body: Body
    example: Example
    seed: int = 0  # from which it was drawn
    number: int = 0  # of the examples drawn from that seed

    @property
    def key(self) -> Key:
        """What it is among all examples of a suite: equal keys, equal examples."""
        return self.check, self.seed, self.number

    def run(self, student: Any) -> None:
        """Judge that student on it. Raises whatever the check raises."""
        drawn = copy.deepcopy(self.example)
        self.body(**{name: student if isinstance(value, StandIn) else value for name, value in drawn.items()})


def plain_checks(checks: Path | None, reference: ModuleType, tasks: Sequence[Task]) -> dict[str, Body]:
    """The checks that need nothing but a student, by the names that a suite gives them.

    Inside `siblings` of their folder. Tasks that `checks` does not mention have the standing checks here, too.
    """
    found: list[tuple[str, Body]] = []
    if checks is not None:
        found = [pair for name, value in vars(load(checks)).items() for pair in checks_in(name, value)]
    spoken_of = {name for _, check in found for name in _tasks_of(check, tasks)}
    for task in tasks:
        function = getattr(reference, task.name, None)
        if task.name not in spoken_of and inspect.isfunction(function):
            found += checks_in(task.name, standing(function, points=task.points, task=task.name))
    return {name: check for name, check in found if list(inspect.signature(check).parameters) == ["student"]}


def draw(name: str, check: Body, *, seed: int, count: int) -> list[Probe]:
    """The first examples that a suite would draw for a check with this seed, at most `count`.

    None where it draws as it goes, with `st.data()`; one without any drawn value where nothing is drawn.
    """
    if not is_property(check):
        return [Probe(name, check, {"student": StandIn("student")}, seed)]
    test: Any = check
    prepare(test, EXAMPLES)
    inner = test.hypothesis.inner_test
    drawn: list[Example] = []

    @functools.wraps(inner)
    def collect(*args: Any, **kwargs: Any) -> None:
        drawn.append(copy.deepcopy(kwargs))
        if len(drawn) == count:
            raise Enough

    test.hypothesis.inner_test = collect
    try:
        with steady_draws():
            hypothesis.seed(seed)(test)
            test(student=StandIn("student"))
    except (Enough, HypothesisException):
        pass
    finally:
        test.hypothesis.inner_test = inner
    return probes_of(name, check, [example for example in drawn if not _unfinished(example)], seed=seed)


def probes_of(name: str, check: Body, examples: Sequence[Example], *, seed: int) -> list[Probe]:
    """The examples that were drawn for a property, in order."""
    inner: Body = check.hypothesis.inner_test  # type: ignore[attr-defined]
    return [Probe(name, inner, example, seed, number) for number, example in enumerate(examples)]


def _tasks_of(check: Body, tasks: Sequence[Task]) -> set[str | None]:
    mark = check_of(check)
    said = {mark.task, mark.about} if mark is not None else set()
    return said if len(tasks) > 1 else {tasks[0].name}


def _unfinished(example: Example) -> bool:
    return any(isinstance(value, DataObject) for value in example.values())
