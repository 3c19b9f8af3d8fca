"""Checks that call a student's function on drawn arguments: what all factories of checks have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.checks.check import EXAMPLES, check
from assay.checks.strategies import SEEDS, inputs_of

Function = Callable[..., Any]
Body = Callable[[Any, dict[str, Any], np.random.Generator], None]


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
    """A check that runs `body(student, arguments, rng)` on arguments drawn as `inputs_of` draws them.

    points, hint, task, after, reveals and examples are those of `check`; where, sizes and the strategies those of
    `inputs_of`; the task is the one of the reference's name unless said. `random` draws a seed for `rng`.
    """
    settings: dict[str, Any] = {"points": points, "hint": hint, "task": task, "after": after, "reveals": reveals}

    @check(sentence, about=reference.__name__, examples=examples, **settings)
    @given(inputs_of(reference, where=where, sizes=sizes, **strategies), SEEDS if random else st.just(0))
    def run(student: Any, arguments: dict[str, Any], seed: int) -> None:
        body(student, arguments, np.random.default_rng(seed))

    run.__name__ = body.__name__
    return run


def call(student: Any, reference: Function, arguments: Mapping[str, Any]) -> Any:
    """The student's function of the same name, called positionally in the order of the reference's parameters."""
    return getattr(student, reference.__name__)(*fresh(arguments).values())


def fresh(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Copies, so that neither side can change what the other one sees; counters of callbacks start anew."""
    return {name: copy.deepcopy(value) for name, value in arguments.items()}
