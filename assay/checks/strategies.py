"""Inputs drawn from a reference's annotated signature, so that they shrink to something readable.

Sizes are drawn by Hypothesis. The values of all arrays come from one drawn seed: counting numbers for 0, small
integers below 10, and standard normal numbers rounded to two decimals above.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from assay.checks.shapes import Array, Described, Kind
from assay.errors import AuthoringError

SIZES = (1, 4)  # both ends are drawn, unless sizes= says otherwise
ATTEMPTS = 30  # draws of one example before where= counts as not satisfied
SEEDS = st.integers(0, 2**32 - 1)

Sizes = Mapping[str, int]
Given = SearchStrategy[Any] | Callable[[Sizes], SearchStrategy[Any]]
Draw = Callable[[SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Constant:
    """A default that is kept."""

    value: Any


@dataclass(frozen=True)
class Parameters:
    """How the arguments of one function are drawn, in the order of its parameters."""

    sizes: Mapping[str, SearchStrategy[int]]
    given: Mapping[str, Array | Described | Constant | Given]

    def draw(self, draw: Draw) -> dict[str, Any]:
        sizes = {name: draw(strategy) for name, strategy in self.sizes.items()}
        seed = draw(SEEDS) if any(isinstance(how, Array) for how in self.given.values()) else 0
        return {name: _value(draw, sizes, seed, name, how) for name, how in self.given.items()}


def _value(draw: Draw, sizes: Sizes, seed: int, name: str, how: Array | Described | Constant | Given) -> Any:
    if isinstance(how, Array):
        return array_of(how, sizes, name=name, seed=seed)
    if isinstance(how, Constant):
        return how.value
    strategy = how.draws(sizes) if isinstance(how, Described) else how
    if not isinstance(strategy, SearchStrategy):
        strategy = strategy(sizes)
    if not isinstance(strategy, SearchStrategy):
        raise AuthoringError(f"{name}= gave {strategy!r} for the sizes {dict(sizes)}, not a strategy.")
    return draw(strategy)


def inputs_of(
    function: Callable[..., Any],
    *,
    where: Callable[[dict[str, Any]], bool] | None = None,
    sizes: Mapping[str, Any] | None = None,
    **strategies: Given,
) -> SearchStrategy[dict[str, Any]]:
    """Arguments of `function` as a dict from parameter name to value, in the order of the parameters.

    `sizes` gives the range of a size, `{"kh": (1, 3)}`, or one number; a keyword gives the strategy of one
    parameter, or a function from the drawn sizes to a strategy. `where` keeps what it is true of.
    Raises AuthoringError where a parameter has neither annotation, strategy nor default.
    """
    parameters = _parameters(function, dict(sizes or {}), strategies)

    @st.composite
    def inputs(draw: Draw) -> dict[str, Any]:
        for _ in range(ATTEMPTS):
            arguments = parameters.draw(draw)
            if where is None or where(arguments):
                return arguments
        reject()

    return inputs()


def array_of(annotation: Array, sizes: Sizes, *, name: str, seed: int) -> np.ndarray:
    """The array that an annotation, the drawn sizes and a seed describe; other names give other values."""
    shape = annotation.shape_for(sizes)
    stream = zlib.crc32(name.encode())
    rng = np.random.default_rng((seed, stream))
    start = stream % 5
    if annotation.values == "adjacency":
        return _adjacency(shape[0], seed, rng)
    if annotation.values == "labels":
        count = annotation.below if isinstance(annotation.below, int) else sizes[str(annotation.below)]
        return _counting(shape, start) % count if seed == 0 else rng.integers(0, count, shape)
    if annotation.values == "truths":
        return _counting(shape, start) % 2 == 0 if seed == 0 else rng.random(shape) < 0.5
    if annotation.values == "integers":
        return _integers(annotation, shape, seed, rng)
    values = _normal(shape, start, seed, rng) if annotation.low is None else _uniform(annotation, shape, seed, rng)
    return (values * annotation.scale).astype(annotation.dtype)


def _counting(shape: tuple[int, ...], start: int) -> np.ndarray:
    return np.arange(start, start + int(np.prod(shape)), dtype=np.int64).reshape(shape)


def _normal(shape: tuple[int, ...], start: int, seed: int, rng: np.random.Generator) -> np.ndarray:
    if seed == 0:
        return _counting(shape, start) % 9 + 1.0
    if seed < 10:
        return rng.integers(-3, 4, shape).astype(np.float64)
    return rng.standard_normal(shape).round(2)


def _uniform(annotation: Array, shape: tuple[int, ...], seed: int, rng: np.random.Generator) -> np.ndarray:
    low, high = float(annotation.low or 0.0), float(annotation.high or 0.0)
    if seed == 0:
        return np.asarray(low + (high - low) * (_counting(shape, 1) % 5) / 4)
    return np.clip(rng.uniform(low, high, shape).round(2), low, high)


def _integers(annotation: Array, shape: tuple[int, ...], seed: int, rng: np.random.Generator) -> np.ndarray:
    low, high = int(annotation.low or 0), int(annotation.high or 0)
    if seed == 0:
        return np.asarray(low + (_counting(shape, 1) - low) % (high - low + 1))
    return rng.integers(low, high + 1, shape)


def _adjacency(n: int, seed: int, rng: np.random.Generator) -> np.ndarray:
    """A path for seed 0, otherwise a random graph of random density."""
    drawn = np.triu(rng.random((n, n)) < rng.uniform(0.2, 0.9), k=1)
    upper = np.eye(n, k=1) if seed == 0 else drawn.astype(np.float64)
    return np.asarray(upper + upper.T)


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotation of every parameter, in order; `inspect.Parameter.empty` where there is none."""
    return {name: parameter.annotation for name, parameter in signature_of(function).parameters.items()}


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except (NameError, SyntaxError, TypeError, ValueError) as error:
        name = getattr(function, "__name__", repr(function))
        raise AuthoringError(f"The signature of {name} cannot be read: {error}.") from error


def _parameters(function: Callable[..., Any], sizes: dict[str, Any], strategies: dict[str, Given]) -> Parameters:
    signature = signature_of(function)
    name = function.__name__
    unknown = sorted(set(strategies) - set(signature.parameters))
    if unknown:
        known = ", ".join(signature.parameters)
        raise AuthoringError(f"{name} has no parameter {', '.join(unknown)}. Its parameters are {known}.")
    given = {p.name: _how(name, p, strategies.get(p.name)) for p in signature.parameters.values()}
    letters = [size for how in given.values() if isinstance(how, (Array, Described)) for size in how.sizes]
    unused = sorted(set(sizes) - set(letters)) if not any(map(_is_function_of_sizes, given.values())) else []
    if unused:
        raise AuthoringError(f"sizes= of {name} names {', '.join(unused)}, which no annotation uses.")
    drawn = {letter: _size(name, letter, sizes.get(letter, SIZES)) for letter in dict.fromkeys([*letters, *sizes])}
    return Parameters(drawn, given)


def _is_function_of_sizes(how: object) -> bool:
    return not isinstance(how, (Array, Described, Constant, SearchStrategy))


def _how(name: str, parameter: inspect.Parameter, strategy: Given | None) -> Array | Described | Constant | Given:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise AuthoringError(f"{name} takes *{parameter.name}, which cannot be drawn. Name every parameter.")
    if strategy is not None:
        if isinstance(strategy, (Array, Described, SearchStrategy)) or callable(strategy):
            return strategy
        raise AuthoringError(f"{parameter.name}={strategy!r} is no strategy. Write st.just({strategy!r}).")
    annotation = parameter.annotation
    if isinstance(annotation, (Array, Described, SearchStrategy)):
        return annotation
    if isinstance(annotation, Kind):
        raise AuthoringError(f'{parameter.name} of {name} has no sizes. Write {annotation}["n d"].')
    if parameter.default is not parameter.empty:
        return Constant(parameter.default)
    if annotation is bool:
        return st.booleans()
    raise AuthoringError(
        f"Nothing says how {parameter.name} of {name} is drawn. Annotate it, as in "
        f'{parameter.name}: Float["n d"], or pass a strategy, as in {parameter.name}=st.integers(1, 3).'
    )


def _size(function: str, letter: str, size: Any) -> SearchStrategy[int]:
    if isinstance(size, SearchStrategy):
        return size
    low, high = size if isinstance(size, tuple) and len(size) == 2 else (size, size)
    if not (isinstance(low, int) and isinstance(high, int) and 0 <= low <= high):
        raise AuthoringError(f"sizes= of {function}: {letter}={size!r} is neither a number nor a range (1, 3).")
    return st.integers(low, high)
