"""The arrays of a failing example as numbers to be drawn, cut down to what fits on a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from assay.checks.compare import Mismatch
from assay.checks.shapes import Array
from assay.outcome import MOST_ENTRIES, MOST_PICTURES, Picture

SIDE = 32  # rows and columns of the part that is kept of an array with too many entries
COLUMNS, ROWS = 10, 16  # a matrix of more of them is drawn as an image
WORTHWHILE = 4  # entries; an argument of fewer is read sooner than it is looked at
SHORT = 8  # a vector of more entries is drawn as a curve
COMPARED = ("got", "expected", "differs")


def pictures_of(
    arguments: Sequence[tuple[str, Any]], mismatch: Mismatch | None, annotations: Mapping[str, Any]
) -> tuple[Picture, ...]:
    """Arguments that text does not show well, then `got`, `expected` and `differs` (1 where they differ).

    `annotations` are those of the function that was called, with `return`. Of an array with more than MOST_ENTRIES
    entries the part around the first difference is kept, and its name says which: `x[2, 0, 0:32, :]`.
    """
    compared = tuple(_compared(mismatch, annotations.get("return"))) if mismatch is not None else ()
    at = _first(mismatch)
    drawn: list[Picture] = []
    for name, value in arguments:
        if not _is_array(value) or value.size < WORTHWHILE or name in COMPARED:
            continue
        kind = _kind(value, annotations.get(name))
        if kind != "matrix":
            drawn.append(_picture(name, kind, value, _beside(at, mismatch, value)))
    return (*drawn[: MOST_PICTURES - len(compared)], *compared)


def _compared(mismatch: Mismatch, annotation: Any) -> Iterator[Picture]:
    got: Any = mismatch.got
    expected: Any = mismatch.expected
    if not (_is_array(got) and _is_array(expected)):
        return
    kind, at = _kind(expected, annotation), _first(mismatch)
    for name, value in (("got", got), ("expected", expected), ("differs", mismatch.differs)):
        if value is not None:
            yield _picture(name, kind if _can_be(kind, value) else _usual(value), value, at)


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.dtype.kind in "biuf"


def _first(mismatch: Mismatch | None) -> tuple[int, ...]:
    """Where the first difference is; () where that is not known."""
    if mismatch is None or mismatch.differs is None or not mismatch.differs.any():
        return ()
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mismatch.differs)), mismatch.differs.shape))


def _beside(at: tuple[int, ...], mismatch: Mismatch | None, value: np.ndarray) -> tuple[int, ...]:
    """The place in an argument that belongs to a place in the result: the same item of the batch, if it is one."""
    same = mismatch is not None and at and value.shape[0] == mismatch.expected.shape[0]  # type: ignore[attr-defined]
    return at[:1] if same else ()


def _kind(value: np.ndarray, annotation: Any) -> str:
    """What its author says, if the value can be drawn so, or what is usual for its shape."""
    parts = annotation.__args__ if getattr(annotation, "__origin__", None) is tuple else (annotation,)
    for part in parts:
        if isinstance(part, Array) and len(part.shape) == value.ndim and part.drawn and _can_be(part.drawn, value):
            return part.drawn
    return _usual(value)


def _can_be(kind: str, value: np.ndarray) -> bool:
    if kind == "graph":
        return value.ndim == 2 and value.shape[0] == value.shape[1] and value.size <= MOST_ENTRIES
    return kind == "image" or value.ndim <= 2


def _usual(value: np.ndarray) -> str:
    if value.ndim == 1:
        return "curve" if len(value) > SHORT and value.dtype.kind == "f" else "matrix"
    if value.ndim == 2 and value.shape[0] <= ROWS and value.shape[1] <= COLUMNS:
        return "matrix"
    return "image"


def _picture(name: str, kind: str, value: np.ndarray, at: tuple[int, ...]) -> Picture:
    window = _window(value.shape, at)
    place = ", ".join(map(_written, window))
    part = value[window]
    numbers = tuple(part.astype(np.float64).reshape(-1).tolist())
    return Picture(f"{name}[{place}]" if place else name, kind, part.shape, numbers)


def _window(shape: tuple[int, ...], at: tuple[int, ...]) -> tuple[int | slice, ...]:
    """Which part of an array is kept: all of it, or about `at` one plane of it, of at most SIDE rows and columns."""
    if int(np.prod(shape)) <= MOST_ENTRIES:
        return ()
    at = (*at, *(0,) * len(shape))[: len(shape)]
    plane = len(shape) - 2
    window: list[int | slice] = [min(place, size - 1) for place, size in zip(at[:plane], shape, strict=False)]
    most = SIDE if len(shape) > 1 else MOST_ENTRIES // 8
    for place, size in zip(at[max(plane, 0) :], shape[max(plane, 0) :], strict=True):
        first = max(0, min(place - most // 2, size - most))
        window.append(slice(first, min(first + most, size)))
    return tuple(window)


def _written(part: int | slice) -> str:
    return str(part) if isinstance(part, int) else f"{part.start}:{part.stop}"
