"""The checks that every exercise gets: right values, arguments left alone, the same answer twice, no overflow."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.checks.check import EXAMPLES, check
from assay.checks.compare import Mismatch, assert_close, kind
from assay.checks.strategies import inputs_of

Function = Callable[..., Any]
EXTREME = 1e3  # factor on the inputs of `stays_finite`


def agrees_with(
    reference: Function,
    *,
    points: float = 0.0,
    where: Callable[[dict[str, Any]], bool] | None = None,
    sizes: Mapping[str, Any] | None = None,
    hint: str = "",
    sentence: str | None = None,
    task: str | None = None,
    after: Function | None = None,
    reveals: str = "counterexample",
    examples: int = EXAMPLES,
    rtol: float | None = None,
    atol: float | None = None,
    parts: Sequence[str] = (),
    **strategies: Any,
) -> Function:
    """The student's function returns what `reference` returns, on inputs drawn from its annotations."""

    @check(
        sentence or f"{reference.__name__} computes the right values",
        points=points,
        hint=hint,
        task=task,
        about=reference.__name__,
        after=after,
        reveals=reveals,
        examples=examples,
    )
    @given(inputs_of(reference, where=where, sizes=sizes, **strategies))
    def values(student: Any, arguments: dict[str, Any]) -> None:
        expected = reference(*fresh(arguments).values())
        got = call(student, reference, arguments)
        assert_close(got, expected, rtol=rtol, atol=atol, parts=parts)

    return values


def leaves_inputs_alone(
    reference: Function,
    *,
    points: float = 0.0,
    where: Callable[[dict[str, Any]], bool] | None = None,
    sizes: Mapping[str, Any] | None = None,
    hint: str = "Work on a copy, for example with x = x.copy().",
    sentence: str | None = None,
    task: str | None = None,
    after: Function | None = None,
    reveals: str = "counterexample",
    examples: int = EXAMPLES,
    **strategies: Any,
) -> Function:
    """The arguments are the same after the call as before."""

    @check(
        sentence or f"{reference.__name__} leaves its arguments as they were",
        points=points,
        hint=hint,
        task=task,
        about=reference.__name__,
        after=after,
        reveals=reveals,
        examples=examples,
    )
    @given(inputs_of(reference, where=where, sizes=sizes, **strategies))
    def purity(student: Any, arguments: dict[str, Any]) -> None:
        call(student, reference, arguments)
        left = student.calls[-1].after
        for (name, before), after_call in zip(arguments.items(), left, strict=False):
            if kind(before) not in ("object", "None"):
                _unchanged(name, before, after_call)

    return purity


def repeatable(
    reference: Function,
    *,
    points: float = 0.0,
    where: Callable[[dict[str, Any]], bool] | None = None,
    sizes: Mapping[str, Any] | None = None,
    hint: str = "Does anything survive from one call to the next?",
    sentence: str | None = None,
    task: str | None = None,
    after: Function | None = None,
    reveals: str = "counterexample",
    examples: int = EXAMPLES,
    **strategies: Any,
) -> Function:
    """The same arguments give the same answer a second time."""

    @check(
        sentence or f"{reference.__name__} gives the same answer twice",
        points=points,
        hint=hint,
        task=task,
        about=reference.__name__,
        after=after,
        reveals=reveals,
        examples=examples,
    )
    @given(inputs_of(reference, where=where, sizes=sizes, **strategies))
    def same_twice(student: Any, arguments: dict[str, Any]) -> None:
        first = call(student, reference, arguments)
        assert_close(call(student, reference, arguments), first)

    return same_twice


def stays_finite(
    reference: Function,
    *,
    points: float = 0.0,
    factor: float = EXTREME,
    only: Sequence[str] = (),
    where: Callable[[dict[str, Any]], bool] | None = None,
    sizes: Mapping[str, Any] | None = None,
    hint: str = "Does an intermediate value overflow?",
    sentence: str | None = None,
    task: str | None = None,
    after: Function | None = None,
    reveals: str = "counterexample",
    examples: int = EXAMPLES,
    **strategies: Any,
) -> Function:
    """No nan and no infinity on large inputs, wherever the reference has none.

    Float arguments (or those in `only`) are multiplied by `factor`, in half of the examples on every other row.
    """
    drawn = inputs_of(reference, where=where, sizes=sizes, **strategies)

    @check(
        sentence or f"{reference.__name__} stays finite on large inputs",
        points=points,
        hint=hint,
        task=task,
        about=reference.__name__,
        after=after,
        reveals=reveals,
        examples=examples,
    )
    @given(drawn, st.booleans())
    def extremes(student: Any, arguments: dict[str, Any], mixed: bool) -> None:
        large = {name: _enlarged(name, value, factor, only, mixed) for name, value in arguments.items()}
        with np.errstate(all="ignore"):
            expected = reference(*fresh(large).values())
        got = call(student, reference, large)
        assert_finite_like(got, expected)

    return extremes


def standing(
    reference: Function,
    *,
    points: float,
    task: str | None = None,
    where: Callable[[dict[str, Any]], bool] | None = None,
    sizes: Mapping[str, Any] | None = None,
    **strategies: Any,
) -> list[Function]:
    """All of the above: 70 % of the points for the values, 10 % each for the rest, once the values are right."""
    tenth = points / 10
    how = {"task": task, "where": where, "sizes": sizes, **strategies}
    values = agrees_with(reference, points=points - 3 * tenth, **how)
    rest = [
        law(reference, points=tenth, after=values, **how) for law in (leaves_inputs_alone, repeatable, stays_finite)
    ]
    return [values, *rest]


def call(student: Any, reference: Function, arguments: Mapping[str, Any]) -> Any:
    """The student's function of the same name, called positionally in the order of the reference's parameters."""
    return getattr(student, reference.__name__)(*fresh(arguments).values())


def fresh(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Copies, so that neither side can change what the other one sees; counters of callbacks start anew."""
    return {name: copy.deepcopy(value) for name, value in arguments.items()}


def assert_finite_like(got: object, expected: object) -> None:
    """Same kinds and shapes as `expected`, and finite wherever that is. Raises Mismatch."""
    assert_close(got, expected, rtol=np.inf)


def _unchanged(name: str, before: object, after: object) -> None:
    try:
        assert_close(after, before, rtol=0.0, atol=0.0)
    except Mismatch as error:
        raise Mismatch(f"the call changed {name}", got=error.got, expected=error.expected) from None


def _enlarged(name: str, value: Any, factor: float, only: Sequence[str], mixed: bool) -> Any:
    floating = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    if not floating or (only and name not in only):
        return value
    if not mixed or value.ndim == 0:
        return value * factor
    large = value.copy()
    large[::2] *= factor
    return large
