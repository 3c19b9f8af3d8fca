"""Which calls a check makes on kept examples, so that they can be made before the check asks for them.

A check is run twice, with right answers and with answers that are a little beside these. Calls that are the same both
times depend on the examples alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

NUDGE = 4  # units in the last place: nothing that a check minds, unless it asks for the very same number


class Call(NamedTuple):
    """A call of a student's function."""

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Calls(NamedTuple):
    """The calls of one check on all its examples."""

    made: tuple[Call, ...]
    nudged: tuple[Call, ...]  # those made after answers that were a little beside


NO_CALLS = Calls((), ())


def calls_made(
    run: Callable[[Mapping[str, Any], dict[str, Any]], object],
    fixtures: Mapping[str, Any],
    student: Any,
    examples: Sequence[Mapping[str, Any]],
) -> Calls:
    """The calls of `run(fixtures, example)`; none where it cannot be told.

    `student` is among the fixtures, gives right answers, and passes the check.
    """
    try:
        return Calls(*(_made(run, fixtures, _Listening(student, nudge), examples) for nudge in (0, NUDGE)))
    except KeyboardInterrupt:
        raise
    except BaseException:  # Unknown, or whatever a check raises where an answer has to be exact
        return NO_CALLS


def _made(
    run: Callable[[Mapping[str, Any], dict[str, Any]], object],
    fixtures: Mapping[str, Any],
    student: _Listening,
    examples: Sequence[Mapping[str, Any]],
) -> tuple[Call, ...]:
    seated = {name: student if value is student.behind else value for name, value in fixtures.items()}
    for example in examples:
        student.behind.forget()
        before = len(student.made)
        run(seated, copy.deepcopy(dict(example)))
        if len(student.made) - before != len(student.behind.calls):
            raise Unknown("calls that were not made here")
    return tuple(student.made)


class Unknown(Exception):
    """Calls that cannot be known beforehand."""


class _Listening:
    """Another student, whose calls are kept, and whose answers are nudged."""

    def __init__(self, behind: Any, nudge: int) -> None:
        self.behind = behind
        self.made: list[Call] = []
        self._nudge = nudge

    @property
    def calls(self) -> Any:
        return self.behind.calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if hasattr(type(self.behind), name):
            raise Unknown("a check that asks for more than answers")

        def call(*args: Any, **kwargs: Any) -> Any:
            self.made.append(Call(name, *copy.deepcopy((args, kwargs))))
            return nudged(self.behind.call(name, *args, **kwargs), self._nudge)

        return call


def nudged(value: Any, nudge: int) -> Any:
    """The value with all its floats so many units in the last place larger."""
    kind = type(value)
    if kind is float or isinstance(value, np.floating):
        return kind(value + nudge * np.spacing(value))
    if kind is np.ndarray and np.issubdtype(value.dtype, np.floating):
        with np.errstate(all="ignore"):
            return value + nudge * np.spacing(value)
    if kind in (tuple, list):
        return kind(nudged(part, nudge) for part in value)
    if kind is dict:
        return {key: nudged(part, nudge) for key, part in value.items()}
    if value is None or isinstance(value, (bool, int, str, np.ndarray, np.generic)):
        return value
    raise Unknown("an object that stays with the student")
