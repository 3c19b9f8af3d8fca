"""Finite differences: the one check of a gradient that needs no reference.

Central differences in float64 with h = 1e-5, where their error is smallest; useless in float32. Always against a
random cotangent: a sum of outputs hides what cancels in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from assay.checks.bank import Kept
from assay.checks.compare import Mismatch, assert_close, kind
from assay.checks.drawn import Function, call, drawn_check
from assay.checks.strategies import signature_of
from assay.errors import AuthoringError

STEP = 1e-5
RTOL, ATOL = 1e-5, 1e-7
ENTRIES = 12  # entries of one array that are tried in a check


def numerical_gradient(f: Callable[[np.ndarray], Any], x: np.ndarray, *, h: float = STEP) -> np.ndarray:
    """df/dx of a function with one number as output: (f(x + h e) - f(x - h e)) / 2h for every entry of x."""
    gradient = np.zeros(np.shape(x))
    for place in np.ndindex(gradient.shape):
        gradient[place] = _difference(f, np.asarray(x, np.float64), place, h)
    return gradient


def random_like(array: Any, rng: np.random.Generator) -> np.ndarray:
    """A random cotangent of the array's shape: standard normal numbers rounded to two decimals."""
    return np.asarray(rng.standard_normal(np.shape(array)).round(2))


def gradcheck(
    f: Callable[..., Any],
    arguments: Mapping[str, Any],
    gradients: Sequence[Any],
    *,
    wrt: Sequence[str],
    cotangent: np.ndarray | None = None,
    rng: np.random.Generator | None = None,
    h: float = STEP,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """Each of `gradients` is the derivative of f(*arguments.values()) by the argument of that name in `wrt`.

    An output that is an array is contracted with `cotangent`, of the same shape. With `rng` at most 12 random
    entries of each array are tried. Raises Mismatch.
    """
    if len(gradients) != len(wrt):
        raise Mismatch(f"got {len(gradients)} gradients, expected {len(wrt)}", got=gradients, expected=", ".join(wrt))

    def along(name: str) -> Callable[[np.ndarray], float]:
        return lambda value: _number(f(*{**arguments, name: value}.values()), cotangent)

    for name, gradient in zip(wrt, gradients, strict=True):
        x = arguments[name]
        assert_close(gradient, np.zeros_like(x), atol=np.inf, parts=(name,))
        places = _places(np.shape(x), rng)
        expected = np.array([_difference(along(name), x, p, h) for p in places])
        got = np.array([gradient[place] for place in places])
        _agree(name, places, got, expected, gradient, (rtol, atol))


def gradients_are_derivatives(
    reference: Function,
    *,
    wrt: Sequence[str],
    loss: Callable[[Any], Any] = lambda output: output[0],
    gradients: Callable[[Any], Sequence[Any]] = lambda output: output[1:],
    sentence: str | None = None,
    **options: Any,
) -> Function:
    """The gradients that the student's function returns are the derivatives of the loss that it returns.

    `loss` and `gradients` pick them out of the output: (loss, gradient, gradient, ...) unless said otherwise.
    Further options are those of `assay.checks.drawn.drawn_check`.
    """
    missing = [name for name in wrt if name not in signature_of(reference).parameters]
    if missing:
        raise AuthoringError(f"{reference.__name__} has no parameter {', '.join(missing)}. Correct wrt=.")

    def derivatives(student: Any, arguments: dict[str, Any], seed: int, kept: Kept) -> None:
        def own_loss(*values: Any) -> Any:
            return loss(call(student, reference, dict(zip(arguments, values, strict=True))))

        output = call(student, reference, arguments)
        rng = np.random.default_rng(seed)
        gradcheck(own_loss, arguments, tuple(gradients(output)), wrt=wrt, rng=rng)

    sentence = sentence or f"the gradients of {reference.__name__} are the slopes of its own loss"
    return drawn_check(reference, sentence, derivatives, random=True, **options)


def _difference(f: Callable[[np.ndarray], Any], x: np.ndarray, place: tuple[int, ...], h: float) -> float:
    step = np.zeros_like(x)
    step[place] = h
    return (_number(f(x + step), None) - _number(f(x - step), None)) / (2 * h)


def _number(output: Any, cotangent: np.ndarray | None) -> float:
    """The output, contracted with a cotangent where there is one."""
    if cotangent is not None:
        assert_close(output, cotangent, atol=np.inf)
        return float(np.sum(output * cotangent))
    if kind(output) != "number":
        raise Mismatch("expected one number to differentiate", got=output, expected="a number")
    return float(output)


def _places(shape: tuple[int, ...], rng: np.random.Generator | None) -> list[tuple[int, ...]]:
    places = list(np.ndindex(shape))
    if rng is None or len(places) <= ENTRIES:
        return places
    return [places[i] for i in sorted(rng.choice(len(places), ENTRIES, replace=False))]


def _agree(
    name: str,
    places: Sequence[tuple[int, ...]],
    got: np.ndarray,
    expected: np.ndarray,
    gradient: object,
    tolerance: tuple[float, float],
) -> None:
    for place, one, other in zip(places, got, expected, strict=True):
        try:
            assert_close(one, other, rtol=tolerance[0], atol=tolerance[1])
        except Mismatch as error:
            where = f"{name}{list(place)}" if place else name
            message = f"gradient of {where}: {error.message} by finite differences"
            raise Mismatch(message, got=gradient, expected=_filled(gradient, places, expected)) from None


def _filled(gradient: Any, places: Sequence[tuple[int, ...]], expected: np.ndarray) -> object:
    """All finite differences as an array, where every entry was tried."""
    if len(places) != np.size(gradient):
        return f"{len(places)} entries tried: {', '.join(map(str, places))}"
    return expected.reshape(np.shape(gradient)).round(6)
