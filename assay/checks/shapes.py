"""Annotations that are specification, strategy and shape check at once.

    def gcn_layer(A: Adjacency["n n"], H: Float["n f"], W: Float["f g"]) -> Float["n g"]: ...

Letters are sizes, drawn once per example; digits are fixed sizes. Idea after Tensor-Puzzles and jaxtyping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.errors import AuthoringError
from assay.outcome import PICTURE_KINDS

Size = str | int


@dataclass(frozen=True)
class Option:
    """A change to how the values of an array are drawn; see `scaled` and `between`."""

    fields: Mapping[str, Any]


def scaled(factor: float) -> Option:
    """Values of standard deviation `factor` instead of 1, such as 1 / sqrt(h) for recurrent weights."""
    return Option({"scale": float(factor)})


def between(low: float, high: float) -> Option:
    """Uniform values in [low, high] instead of standard normal ones; for Int both ends are drawn."""
    if not low <= high:
        raise AuthoringError(f"between({low}, {high}) holds no number. Write the smaller one first.")
    return Option({"low": low, "high": high})


def drawn_as(picture: str) -> Option:
    """How feedback draws the array: `matrix`, `image`, `graph` (an adjacency matrix) or `curve` (over its rows)."""
    if picture not in PICTURE_KINDS:
        raise AuthoringError(f"drawn_as({picture!r}) is unknown. Use {', '.join(PICTURE_KINDS)}.")
    return Option({"drawn": picture})


@dataclass(frozen=True)
class Array:
    """What one argument or result is: its dtype, its sizes and how its values are drawn."""

    values: str  # normal, integers, labels, truths, adjacency
    dtype: str
    shape: tuple[Size, ...]
    below: Size | None = None  # labels are smaller than this size
    low: float | None = None
    high: float | None = None
    scale: float = 1.0
    drawn: str = ""  # how feedback draws it: one of PICTURE_KINDS, or what is usual for its shape

    @property
    def sizes(self) -> tuple[str, ...]:
        """Names of the sizes that have to be drawn."""
        names = (*self.shape, *(() if self.below is None else (self.below,)))
        return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))

    def shape_for(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(size if isinstance(size, int) else sizes[size] for size in self.shape)

    def __str__(self) -> str:
        return f"{self.dtype} array of shape ({', '.join(map(str, self.shape))})"


@dataclass(frozen=True)
class Described:
    """An argument that is no array: the sizes it depends on, and how it is drawn for them."""

    sizes: tuple[str, ...]
    draws: Callable[[Mapping[str, int]], Any]


@dataclass(frozen=True)
class Kind:
    """`Float`, `Int` and so on: subscripted with sizes, it gives an Array."""

    name: str
    array: Array

    def __getitem__(self, item: str | tuple[Any, ...]) -> Array:
        text, *options = item if isinstance(item, tuple) else (item,)
        array = replace(self.array, shape=_shape(text, self.name))
        if self.array.values == "labels":
            array = replace(array, below=_count(options, self.name))
            options = options[1:]
        if self.array.values == "adjacency" and (len(array.shape) != 2 or array.shape[0] != array.shape[1]):
            raise AuthoringError(f'{self.name}["{text}"] is not square. Write {self.name}["n n"].')
        for option in options:
            if not isinstance(option, Option):
                raise AuthoringError(
                    f"{self.name} does not know {option!r}. Use scaled(...), between(...) or drawn_as(...)."
                )
            array = replace(array, **option.fields)
        return array

    def __repr__(self) -> str:
        return self.name


Float = Kind("Float", Array("normal", "float64", ()))
Float32 = Kind("Float32", Array("normal", "float32", ()))
Int = Kind("Int", Array("integers", "int64", (), low=-9, high=9))
Bool = Kind("Bool", Array("truths", "bool", ()))
Images = Kind("Images", Array("normal", "float64", (), low=0.0, high=1.0, drawn="image"))
Labels = Kind("Labels", Array("labels", "int64", ()))
Adjacency = Kind("Adjacency", Array("adjacency", "float64", (), drawn="graph"))


def _shape(text: Any, name: str) -> tuple[Size, ...]:
    if not isinstance(text, str):
        raise AuthoringError(f'{name}[{text!r}] needs its sizes as one text. Write {name}["n d"].')
    words = text.split()
    for word in words:
        if not (word.isdigit() or word.isidentifier()):
            raise AuthoringError(f'{name}["{text}"]: {word!r} is neither a name nor a number. Write {name}["n d"].')
    return tuple(int(word) if word.isdigit() else word for word in words)


def _count(options: list[Any], name: str) -> Size:
    if not options or not isinstance(options[0], (str, int)):
        raise AuthoringError(f'{name} needs the number of classes. Write {name}["n", "k"] or {name}["n", 10].')
    count = options[0]
    return int(count) if isinstance(count, str) and count.isdigit() else count


def measured_sizes(annotations: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, int]:
    """The sizes that a set of arguments has, read from their shapes."""
    sizes: dict[str, int] = {}
    for name, annotation in annotations.items():
        value = arguments.get(name)
        if isinstance(annotation, Array) and isinstance(value, np.ndarray) and value.ndim == len(annotation.shape):
            sizes |= {n: s for n, s in zip(annotation.shape, value.shape, strict=True) if isinstance(n, str)}
    return sizes
