"""Values as text that a student can read: small arrays as aligned tables, large ones summarised."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

ENTRIES = 60  # an array of more entries is summarised
ROWS = 4  # rows of a summarised array
COLUMNS = 8  # entries of a summarised row
LENGTH = 1200  # characters of one value


def show(value: object, *, length: int = LENGTH) -> str:
    """A value as text of at most `length` characters; floats to 6 significant digits."""
    return printable(_show(value, depth=0), length)


def printable(text: str, length: int) -> str:
    """Text that may be a student's, without control characters, of at most `length` characters."""
    clean = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text[: length + 1])
    return clean if len(clean) <= length else clean[: length - 4].rstrip() + " ..."


def number(value: float, digits: int = 6) -> str:
    """One real number, to `digits` significant digits."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value)) if abs(int(value)) < 10**20 else _large(int(value))
    real = float(value)
    if math.isnan(real):
        return "nan"
    return f"{real:.{digits}g}"


def _large(value: int) -> str:
    """Python refuses to write out very long integers."""
    return f"{float(value):.6g}" if value.bit_length() < 1000 else "an integer of more than 300 digits"


def pair(got: float, expected: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart."""
    for digits in (6, 10, 17):
        texts = number(got, digits), number(expected, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _show(value: object, depth: int) -> str:
    if value is None or isinstance(value, (bool, str)):
        return repr(value)
    if isinstance(value, (int, float, np.integer, np.floating, np.bool_)):
        return number(value)  # type: ignore[arg-type]
    if isinstance(value, np.ndarray):
        return _array(value)
    if depth > 3:
        return "..."
    if isinstance(value, Mapping):
        return _parts([f"{_show(k, depth + 1)}: {_show(v, depth + 1)}" for k, v in _some(value.items())], "{", "}")
    if isinstance(value, list):
        return _parts([_show(part, depth + 1) for part in _some(value)], "[", "]")
    if isinstance(value, tuple):
        texts = [_show(part, depth + 1) for part in _some(value)]
        return f"({texts[0]},)" if len(texts) == 1 else _parts(texts, "(", ")")
    return _other(value)


def _some(parts: Iterable[T]) -> Iterator[T]:
    """The first parts only: more would be cut anyway."""
    return itertools.islice(parts, ENTRIES)


def _other(value: object) -> str:
    """Functions by name, callbacks and other objects by their repr, where they have one of their own."""
    if inspect.isroutine(value):
        return f"function {value.__name__}"
    kind = type(value)
    return f"an object ({kind.__name__})" if kind.__repr__ is object.__repr__ else repr(value)


def _parts(texts: Sequence[str], opening: str, closing: str) -> str:
    if not any("\n" in text for text in texts) and sum(map(len, texts)) <= 100:
        return opening + ", ".join(texts) + closing
    indented = ["  " + text.replace("\n", "\n  ") for text in texts]
    return opening + "\n" + ",\n".join(indented) + "\n" + closing


def _array(value: np.ndarray) -> str:
    if value.ndim == 0:
        return number(value.item())
    if value.size == 0:
        return f"{value.dtype} array of shape {value.shape}"
    if value.size > ENTRIES:
        return _summary(value)
    label = "" if value.dtype in (np.float64, np.int64, np.bool_) else f"{value.dtype} "
    return label + _table(value, indent=len(label))


def _summary(value: np.ndarray) -> str:
    shown = value
    if value.ndim > 2:
        shown = value[(0,) * (value.ndim - 2)]
    shown = shown[:ROWS, :COLUMNS] if shown.ndim == 2 else shown[: ROWS * COLUMNS]
    what = "first entries" if shown.ndim == 1 else "first rows"
    return f"{value.dtype} array of shape {value.shape}, {what}\n{_table(shown)}"


def _table(value: np.ndarray, indent: int = 0) -> str:
    """All entries, columns aligned to the right."""
    texts = np.array([number(entry) for entry in value.reshape(-1)], dtype=object)
    width = max(map(len, texts)) if value.ndim > 1 else 0
    return _rows(texts.reshape(value.shape), width, indent)


def _rows(texts: np.ndarray, width: int, indent: int) -> str:
    if texts.ndim == 1:
        return "[" + ", ".join(text.rjust(width) for text in texts) + "]"
    gap = "," + "\n" * (texts.ndim - 1) + " " * (indent + 1)
    return "[" + gap.join(_rows(part, width, indent + 1) for part in texts) + "]"
