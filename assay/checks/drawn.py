"""Checks that call a student's function on drawn arguments: what all factories of checks have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.checks.bank import Kept
from assay.checks.check import EXAMPLES, check
from assay.checks.strategies import SEEDS, inputs_of

Function = Callable[..., Any]
Body = Callable[[Any, dict[str, Any], int, Kept], None]

_UNCHANGING = (int, float, bool, str, type(None))


def drawn_check(
    reference: Function,
    sentence: str,
    body: Body,
    *,
    points: float = 0.0,
    where: Callable[[dict[str, Any]], bool] | None = None,
    sizes: Mapping[str, Any] | None = None,
    hint: str = "",
    task: str | None = None,
    after: Function | None = None,
    reveals: str = "counterexample",
    examples: int = EXAMPLES,
    random: bool = False,
    **strategies: Any,
) -> Function:
    """A check that runs `body(student, arguments, seed, kept)` on arguments drawn as `inputs_of` draws them.

    What the body computes without the student, such as the reference's answer, goes through `kept` and is computed
    once for all students (see `Kept`); it must not change the arguments. With `random` a seed is drawn, too; it is 0
    otherwise. points, hint, task, after, reveals and examples are those of `check`; where, sizes and the strategies
    those of `inputs_of`; the task is the one of the reference's name unless said.
    """
    settings: dict[str, Any] = {"points": points, "hint": hint, "task": task, "after": after, "reveals": reveals}

    @check(sentence, about=reference.__name__, examples=examples, **settings)
    @given(
        inputs_of(reference, where=where, sizes=sizes, **strategies), SEEDS if random else st.just(0), st.builds(Kept)
    )
    def run(student: Any, arguments: dict[str, Any], seed: int, kept: Kept) -> None:
        body(student, arguments, seed, kept)

    run.__name__ = body.__name__
    return run


def call(student: Any, reference: Function, arguments: Mapping[str, Any]) -> Any:
    """The student's function of the same name, called positionally in the order of the reference's parameters."""
    return getattr(student, reference.__name__)(*fresh(arguments).values())


def fresh(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Copies, so that neither side can change what the other one sees; counters of callbacks start anew."""
    return {name: _fresh(value) for name, value in arguments.items()}


def _fresh(value: Any) -> Any:
    """A deep copy, without the detours that `copy.deepcopy` takes for the commonest arguments."""
    if type(value) is np.ndarray and not value.dtype.hasobject:
        return value.copy(order="K")
    return value if type(value) in _UNCHANGING else copy.deepcopy(value)
