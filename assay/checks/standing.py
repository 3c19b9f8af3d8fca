"""The checks that every exercise gets: right values, arguments left alone, the same answer twice, no overflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from assay.checks.bank import Kept
from assay.checks.compare import Mismatch, assert_close, kind
from assay.checks.drawn import Function, call, drawn_check, fresh

EXTREME = 1e3  # factor on the inputs of `stays_finite`


def agrees_with(
    reference: Function,
    *,
    sentence: str | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    parts: Sequence[str] = (),
    **options: Any,
) -> Function:
    """The student's function returns what `reference` returns.

    `parts` names the values of a returned tuple in messages; rtol and atol are those of `assert_close`. Further
    options, of this and of every other factory of checks, are those of `assay.checks.drawn.drawn_check`.
    """

    def values(student: Any, arguments: dict[str, Any], seed: int, kept: Kept) -> None:
        expected = kept("expected", lambda: reference(*fresh(arguments).values()))
        assert_close(call(student, reference, arguments), expected, rtol=rtol, atol=atol, parts=parts)

    return drawn_check(reference, sentence or f"{reference.__name__} computes the right values", values, **options)


def leaves_inputs_alone(reference: Function, *, sentence: str | None = None, **options: Any) -> Function:
    """The arguments are the same after the call as before."""

    def purity(student: Any, arguments: dict[str, Any], seed: int, kept: Kept) -> None:
        call(student, reference, arguments)
        for (name, before), after in zip(arguments.items(), student.calls[-1].after, strict=False):
            if kind(before) not in ("object", "None"):
                _unchanged(name, before, after)

    options.setdefault("hint", "Work on a copy, for example with x = x.copy().")
    return drawn_check(
        reference, sentence or f"{reference.__name__} leaves its arguments as they were", purity, **options
    )


def repeatable(reference: Function, *, sentence: str | None = None, **options: Any) -> Function:
    """The same arguments give the same answer a second time."""

    def same_twice(student: Any, arguments: dict[str, Any], seed: int, kept: Kept) -> None:
        first = call(student, reference, arguments)
        assert_close(call(student, reference, arguments), first)

    options.setdefault("hint", "Does anything survive from one call to the next?")
    return drawn_check(
        reference, sentence or f"{reference.__name__} gives the same answer twice", same_twice, **options
    )


def stays_finite(
    reference: Function,
    *,
    factor: float = EXTREME,
    only: Sequence[str] = (),
    sentence: str | None = None,
    **options: Any,
) -> Function:
    """No nan and no infinity on large inputs, wherever the reference has none.

    Float arrays (those named in `only`, or all) are multiplied by `factor`, in half of the examples on every
    other row alone.
    """

    def extremes(student: Any, arguments: dict[str, Any], seed: int, kept: Kept) -> None:
        def enlarged() -> tuple[dict[str, Any], Any]:
            mixed = np.random.default_rng(seed).random() < 0.5
            large = {name: _enlarged(name, value, factor, only, mixed) for name, value in arguments.items()}
            with np.errstate(all="ignore"):
                return large, reference(*fresh(large).values())

        large, expected = kept("expected", enlarged)
        assert_close(call(student, reference, large), expected, atol=np.inf)

    options.setdefault("hint", "Does an intermediate value overflow?")
    sentence = sentence or f"{reference.__name__} stays finite on large inputs"
    return drawn_check(reference, sentence, extremes, random=True, **options)


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
    options = {"task": task, "where": where, "sizes": sizes, **strategies}
    tenth = points / 10
    values = agrees_with(reference, points=points - 3 * tenth, **options)
    options |= {"points": tenth, "after": values}
    laws = (leaves_inputs_alone, repeatable, stays_finite)
    return [values, *(law(reference, **options) for law in laws)]


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
