"""Laws: how a function's outputs hang together, whatever the right values are. They diagnose; values give points.

Zeros of the right shape obey most of them, so let a law come `after=` the check of the values. All factories take
the options of `assay.checks.drawn.drawn_check`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from assay.checks.bank import Kept
from assay.checks.compare import Mismatch, assert_close
from assay.checks.drawn import Function, call, drawn_check
from assay.checks.shapes import Array, measured_sizes
from assay.checks.strategies import annotations_of, signature_of
from assay.errors import AuthoringError

Arguments = dict[str, Any]
Change = Callable[[Arguments, np.random.Generator], tuple[Arguments, Callable[[Any], Any]]]


def law(reference: Function, sentence: str, change: Change, **options: Any) -> Function:
    """Changing the arguments changes the output in a known way.

    `change(arguments, rng)` gives the changed arguments, and a function from the first output to the one that is
    then expected. It must not modify its argument.
    """

    def lawful(student: Any, arguments: Arguments, seed: int, kept: Kept) -> None:
        changed, expected = change(dict(arguments), np.random.default_rng(seed))
        first = call(student, reference, arguments)
        assert_close(call(student, reference, changed), expected(first))

    return drawn_check(reference, sentence, lawful, random=True, **options)


def linear_in(reference: Function, parameter: str, *, sentence: str | None = None, **options: Any) -> Function:
    """f(a x + b y) = a f(x) + b f(y), all other arguments held."""
    sentence = sentence or f"{reference.__name__} is linear in {parameter}"
    return _superposition(reference, parameter, sentence, affine=False, options=options)


def affine_in(reference: Function, parameter: str, *, sentence: str | None = None, **options: Any) -> Function:
    """f(a x + (1 - a) y) = a f(x) + (1 - a) f(y): linear up to a constant such as a bias."""
    sentence = sentence or f"{reference.__name__} is linear in {parameter}, up to a constant"
    return _superposition(reference, parameter, sentence, affine=True, options=options)


def homogeneous_in(
    reference: Function, parameter: str, *, degree: int = 1, sentence: str | None = None, **options: Any
) -> Function:
    """f(c x) = c^degree f(x) for c > 0; degree 0 is invariance."""
    _known(reference, parameter)

    def scale(arguments: Arguments, rng: np.random.Generator) -> tuple[Arguments, Callable[[Any], Any]]:
        factor = float(rng.choice([0.5, 2.0, 3.0]))
        return {**arguments, parameter: factor * arguments[parameter]}, lambda output: factor**degree * output

    does = "does not depend on the scale of" if degree == 0 else f"scales with power {degree} of"
    sentence = sentence or f"{reference.__name__} {does} {parameter}"
    return law(reference, sentence, scale, **options)


def bias_adds(
    reference: Function, parameter: str, *, axis: int = -1, sentence: str | None = None, **options: Any
) -> Function:
    """f(..., b) = f(..., 0) + b, with b along one axis of the output."""
    _known(reference, parameter)

    def remove(arguments: Arguments, rng: np.random.Generator) -> tuple[Arguments, Callable[[Any], Any]]:
        bias = arguments[parameter]
        return {**arguments, parameter: np.zeros_like(bias)}, lambda output: output - _along(bias, axis, output.ndim)

    sentence = sentence or f"{parameter} adds a constant to each output of {reference.__name__}"
    return law(reference, sentence, remove, **options)


def items_independent(reference: Function, *parameters: str, sentence: str | None = None, **options: Any) -> Function:
    """One item of a batch alone gives its part of the output; items lie along axis 0 of `parameters` and output."""
    _known(reference, *parameters)

    def pick(arguments: Arguments, rng: np.random.Generator) -> tuple[Arguments, Callable[[Any], Any]]:
        item = int(rng.integers(len(arguments[parameters[0]])))
        one = {name: arguments[name][item : item + 1] for name in parameters}
        return {**arguments, **one}, lambda output: output[item : item + 1]

    sentence = sentence or f"{reference.__name__} treats the items of a batch independently"
    return law(reference, sentence, pick, **options)


def permutation_equivariant(
    reference: Function,
    over: Mapping[str, Sequence[int]],
    *,
    output: Sequence[int] = (0,),
    sentence: str | None = None,
    **options: Any,
) -> Function:
    """Permuting the named axes of arguments permutes the axes `output` of the result; () is invariance."""
    _known(reference, *over)

    def permute(arguments: Arguments, rng: np.random.Generator) -> tuple[Arguments, Callable[[Any], Any]]:
        name, axes = next(iter(over.items()))
        order = rng.permutation(arguments[name].shape[axes[0]])
        changed = {name: _taken(arguments[name], order, axes) for name, axes in over.items()}
        return {**arguments, **changed}, lambda result: _taken(result, order, output)

    does = "permutes" if output else "does not change"
    sentence = sentence or f"permuting {' and '.join(over)} {does} the output of {reference.__name__}"
    return law(reference, sentence, permute, **options)


def crop_equivariant(
    reference: Function, parameter: str, *, axes: Sequence[int] = (2, 3), sentence: str | None = None, **options: Any
) -> Function:
    """Without its first row (or column) an input gives the output without its first row: translation equivariance.

    Draw inputs without padding, of stride 1, and large enough to lose a row.
    """
    _known(reference, parameter)

    def crop(arguments: Arguments, rng: np.random.Generator) -> tuple[Arguments, Callable[[Any], Any]]:
        keep = (slice(None),) * int(rng.choice(list(axes))) + (slice(1, None),)
        return {**arguments, parameter: arguments[parameter][keep]}, lambda output: output[keep]

    sentence = sentence or f"shifting {parameter} shifts the output of {reference.__name__}"
    return law(reference, sentence, crop, **options)


def right_shape(reference: Function, *, sentence: str | None = None, **options: Any) -> Function:
    """Shape and dtype are those of the return annotation. Raises AuthoringError where it has no sizes to check."""
    returned = signature_of(reference).return_annotation
    arrays = returned.__args__ if getattr(returned, "__origin__", None) is tuple else (returned,)
    if not any(isinstance(array, Array) for array in arrays):
        raise AuthoringError(f'{reference.__name__} has no return annotation such as -> Float["n d"].')
    annotations = annotations_of(reference)

    def shape(student: Any, arguments: Arguments, seed: int, kept: Kept) -> None:
        sizes = measured_sizes(annotations, arguments)
        output = call(student, reference, arguments)
        if len(arrays) > 1 and not (isinstance(output, (tuple, list)) and len(output) == len(arrays)):
            raise Mismatch(f"expected {len(arrays)} values", got=output, expected=f"{len(arrays)} values")
        for index, array in enumerate(arrays):
            if isinstance(array, Array):
                _fits(output[index] if len(arrays) > 1 else output, array, sizes)

    return drawn_check(reference, sentence or f"{reference.__name__} returns the right shape", shape, **options)


def _superposition(
    reference: Function, parameter: str, sentence: str, *, affine: bool, options: dict[str, Any]
) -> Function:
    _known(reference, parameter)

    def superposition(student: Any, arguments: Arguments, seed: int, kept: Kept) -> None:
        rng, x = np.random.default_rng(seed), arguments[parameter]
        y = rng.integers(-3, 4, np.shape(x)).astype(np.float64)
        a = float(rng.choice([-2.0, 2.0, 3.0]))
        b = 1.0 - a if affine else float(rng.choice([-1.0, 1.0, 2.0]))
        both, one, other = (
            call(student, reference, {**arguments, parameter: value}) for value in (a * x + b * y, x, y)
        )
        assert_close(both, a * one + b * other)

    return drawn_check(reference, sentence, superposition, random=True, **options)


def _fits(value: object, array: Array, sizes: Mapping[str, int]) -> None:
    if not isinstance(value, np.ndarray):
        raise Mismatch(f"expected a {array}", got=value, expected=str(array))
    unknown = [name for name in array.sizes if name not in sizes]
    if unknown:
        raise AuthoringError(f"The size {', '.join(unknown)} of the return annotation is not one of any argument.")
    if value.shape != array.shape_for(sizes):
        expected = array.shape_for(sizes)
        raise Mismatch(f"the shape is {value.shape}, expected {expected}", got=value, expected=f"shape {expected}")
    if value.dtype.name != array.dtype:
        raise Mismatch(f"the dtype is {value.dtype}, expected {array.dtype}", got=value, expected=array.dtype)


def _known(reference: Function, *parameters: str) -> None:
    for parameter in parameters:
        if parameter not in signature_of(reference).parameters:
            raise AuthoringError(f"{reference.__name__} has no parameter {parameter}, so no law can speak of it.")


def _along(bias: np.ndarray, axis: int, dimensions: int) -> np.ndarray:
    shape = [1] * dimensions
    shape[axis] = -1
    return bias.reshape(shape)


def _taken(array: np.ndarray, order: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    for axis in axes:
        array = np.take(array, order, axis=axis)
    return array
