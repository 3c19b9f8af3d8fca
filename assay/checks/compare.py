"""The one comparison of a student's value with the expected one, strict about kind, shape and dtype.

Never `==`, `np.allclose` or `assert_allclose`: they broadcast, take nan for equal and can be told what to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from assay.checks.show import pair

# (rtol, atol) by dtype of the expected value: ten times the worst error of a right answer, or more.
TOLERANCE: dict[str, tuple[float, float]] = {"float64": (1e-7, 1e-9), "float32": (1e-4, 1e-5)}
_FLOAT64 = np.dtype(np.float64)


class Mismatch(AssertionError):
    """A student's value is not the expected one. `got` and `expected` are the parts that differ.

    `differs`, bool of the shape of both, says which entries of two arrays do, where it is known.
    """

    def __init__(self, message: str, *, got: object, expected: object, differs: np.ndarray | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.got = got
        self.expected = expected
        self.differs = differs


def assert_close(
    got: object,
    expected: object,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    parts: Sequence[str] = (),
) -> None:
    """|got - expected| <= atol + rtol |expected|, after kind, shape, dtype and finiteness, in that order.

    Tuples, lists and dicts are compared part by part; `parts` names the parts of a tuple in the message.
    float, np.float64 and 0-d arrays all count as numbers. Raises Mismatch.
    """
    _compare(got, expected, rtol, atol, tuple(parts), "")


def _compare(
    got: object, expected: object, rtol: float | None, atol: float | None, parts: tuple[str, ...], place: str
) -> None:
    found, wanted = kind(got), kind(expected)
    if found != wanted:
        raise Mismatch(f"{place}got {_a(got)}, expected {_a(expected)}", got=got, expected=expected)
    if wanted == "number":
        _compare_arrays(_real(got), np.asarray(expected), rtol, atol, place)
    elif wanted == "array":
        _compare_arrays(got, expected, rtol, atol, place)  # type: ignore[arg-type]
    elif wanted == "tuple":
        _compare_sequences(got, expected, rtol, atol, parts, place)  # type: ignore[arg-type]
    elif wanted == "dict":
        _compare_mappings(got, expected, rtol, atol, place)  # type: ignore[arg-type]
    elif wanted == "object":
        raise TypeError(f"assert_close cannot compare with {_a(expected)}: the expected value must be plain data")
    elif wanted != "None" and bool(got != expected):  # text or truth: both are plain here
        raise Mismatch(f"{place}got {got!r}, expected {expected!r}", got=got, expected=expected)


def kind(value: object) -> str:
    """`number`, `truth`, `array`, `tuple` (lists too), `dict`, `text`, `None` or `object`."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray) and value.ndim:
        return "array" if value.dtype.kind in "biuf" else "object"
    if isinstance(value, (np.ndarray, np.generic)):
        return {"b": "truth", "i": "number", "u": "number", "f": "number"}.get(value.dtype.kind, "object")
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (tuple, list)):
        return "tuple"
    return "dict" if isinstance(value, Mapping) else "object"


def _real(value: Any) -> np.ndarray:
    """A number as a 0-d float64 array; integers beyond its range are infinite."""
    try:
        return np.asarray(float(value))
    except OverflowError:
        return np.asarray(np.inf if value > 0 else -np.inf)


def _a(value: object) -> str:
    """A value's kind in words."""
    found = kind(value)
    if found == "array":
        return f"an array of shape {value.shape}"  # type: ignore[attr-defined]
    if found == "tuple":
        return f"a {type(value).__name__} of {len(value)} values"  # type: ignore[arg-type]
    words = {"None": "None", "number": "a number", "truth": "True or False", "text": "a text", "dict": "a dict"}
    return words.get(found, "an object that is no plain number or array")


def _compare_sequences(
    got: Sequence[object],
    expected: Sequence[object],
    rtol: float | None,
    atol: float | None,
    parts: tuple[str, ...],
    place: str,
) -> None:
    if len(got) != len(expected):
        message = f"{place}got {len(got)} values, expected {len(expected)}"
        raise Mismatch(message, got=got, expected=expected)
    for index, (one, other) in enumerate(zip(got, expected, strict=True)):
        name = parts[index] if index < len(parts) else f"value {index + 1} of {len(expected)}"
        _compare(one, other, rtol, atol, (), f"{place}{name}: ")


def _compare_mappings(
    got: Mapping[object, object],
    expected: Mapping[object, object],
    rtol: float | None,
    atol: float | None,
    place: str,
) -> None:
    if set(got) != set(expected):
        message = f"{place}got the keys {_keys(got)}, expected {_keys(expected)}"
        raise Mismatch(message, got=got, expected=expected)
    for key, value in expected.items():
        _compare(got[key], value, rtol, atol, (), f"{place}{key}: ")


def _keys(value: Mapping[object, object]) -> str:
    return ", ".join(sorted(map(str, value))) or "none"


def _compare_arrays(got: np.ndarray, expected: np.ndarray, rtol: float | None, atol: float | None, place: str) -> None:
    if got.shape != expected.shape:
        message = f"{place}the shape is {got.shape}, expected {expected.shape}"
        raise Mismatch(message, got=got, expected=expected)
    if expected.ndim and got.dtype != expected.dtype:
        message = f"{place}the dtype is {got.dtype}, expected {expected.dtype}"
        raise Mismatch(message, got=got, expected=expected)
    tolerance = _tolerance(expected.dtype, rtol, atol)
    if _surely_close(got, expected, *tolerance):
        return
    one, other = got.astype(np.float64), expected.astype(np.float64)
    infinite = ~np.isfinite(one) & np.isfinite(other)
    if infinite.any():
        where = tuple(int(i) for i in np.argwhere(infinite)[0])
        at = f" at {where}" if expected.ndim else ""
        message = f"{place}{int(infinite.sum())} of {one.size} entries are not finite; first{at}: {one[where]}"
        message = message if expected.ndim else f"{place}got {one[where]}"
        raise Mismatch(message, got=got, expected=expected, differs=infinite)
    wrong = _differs(one, other, *tolerance)
    if wrong.any():
        raise Mismatch(place + _first_difference(got, expected, wrong), got=got, expected=expected, differs=wrong)


def _surely_close(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> bool:
    """Whether a short look shows what nearly every comparison finds: the same, or finite and close enough.

    False says nothing.
    """
    if got.dtype != expected.dtype:
        return False
    if got.tobytes() == expected.tobytes():
        return True
    if got.dtype != _FLOAT64:
        return False
    with np.errstate(all="ignore"):
        distance = np.abs(got - expected)
        near = distance <= atol + rtol * np.abs(expected)
    # Only two finite numbers have a finite distance, and nan is not near anything.
    return bool(near.all() and distance.max(initial=0.0) < np.inf)


def _tolerance(dtype: np.dtype, rtol: float | None, atol: float | None) -> tuple[float, float]:
    default = _usual_tolerance(dtype)
    return default[0] if rtol is None else rtol, default[1] if atol is None else atol


@lru_cache
def _usual_tolerance(dtype: np.dtype) -> tuple[float, float]:
    floating = np.issubdtype(dtype, np.floating)
    return TOLERANCE.get(dtype.name, TOLERANCE["float32"]) if floating else (0.0, 0.0)


def _differs(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(got - expected) <= atol + rtol * np.abs(expected)
    infinite = ~np.isfinite(expected)
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    return np.asarray(~np.where(infinite, same, close))


def _first_difference(got: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> str:
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    found, wanted = pair(got[where], expected[where])
    if not expected.ndim:
        return f"got {found}, expected {wanted}"
    place = where[0] if len(where) == 1 else where
    return f"{int(wrong.sum())} of {wrong.size} entries differ; first at {place}: got {found}, expected {wanted}"
