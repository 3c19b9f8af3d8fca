"""Got against expected, entry by entry: which differ, by how much, and one sentence that says so."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from assay.outcome import Counterexample, Picture

COMPARED = ("got", "expected", "differs")
_PART = re.compile(r"\[([0-9:, ]+)\]$")
MOST = 1e300  # what is larger is drawn as this, so that sums stay finite
_ABSOLUTE, _RELATIVE = 1e-9, 1e-7  # where a report does not say which entries differ


@dataclass(frozen=True)
class Compared:
    """Two values of one shape, or of two; `differs` is None where the shapes are not the same."""

    got: Picture
    expected: Picture
    differs: tuple[bool, ...] | None

    @cached_property
    def difference(self) -> tuple[float, ...]:
        """got - expected, entry by entry; nothing where the shapes are not the same."""
        if self.differs is None:
            return ()
        return tuple(one - other for one, other in zip(self.got.values, self.expected.values, strict=True))

    @cached_property
    def wrong(self) -> frozenset[int]:
        """Which entries differ, as positions in C order."""
        return frozenset(i for i, wrong in enumerate(self.differs or ()) if wrong)


def compared_of(example: Counterexample) -> Compared | None:
    """What is to be drawn side by side; None where there is nothing."""
    last = {base_of(picture): picture for picture in example.pictures if usable(picture)}
    got, expected, differs = (last.get(name) for name in COMPARED)
    if got is None or expected is None:
        return None
    if got.shape != expected.shape:
        return Compared(got, expected, None)
    if differs is not None and differs.shape == got.shape:
        return Compared(got, expected, tuple(bool(value) for value in differs.values))
    pairs = zip(got.values, expected.values, strict=True)
    return Compared(got, expected, tuple(_differ(one, other) for one, other in pairs))


def inputs_of(example: Counterexample) -> tuple[Picture, ...]:
    """The arguments that are to be drawn."""
    return tuple(p for p in example.pictures if base_of(p) not in COMPARED and usable(p) and p.values)


def usable(picture: Picture) -> bool:
    """Whether it has an axis, and a number for every entry."""
    return picture.shape != () and len(picture.values) == math.prod(picture.shape)


def base_of(picture: Picture) -> str:
    """The name without the part that is shown: `x` of `x[2, 0:32]`."""
    return _PART.sub("", picture.name)


def part_of(picture: Picture) -> str:
    """The part of the whole value that is shown, such as `[2, 0:32]`; empty for all of it."""
    found = _PART.search(picture.name)
    return found.group() if found else ""


def offsets_of(picture: Picture) -> tuple[int, ...]:
    """The index in the whole value at which each axis of the picture begins."""
    found = _PART.search(picture.name)
    words = found.group(1).split(", ") if found else []
    starts = tuple(int(word.split(":")[0]) for word in words if ":" in word and word.split(":")[0])
    return starts if len(starts) == len(picture.shape) else (0,) * len(picture.shape)


def place(picture: Picture, position: int) -> str:
    """Where an entry stands in the whole value, as an index."""
    index = list(index_of(picture.shape, position))
    index = [at + start for at, start in zip(index, offsets_of(picture), strict=True)]
    found = _PART.search(picture.name)
    fixed = [int(word) for word in found.group(1).split(", ") if word.isdigit()] if found else []
    index = fixed + index
    return str(index[0]) if len(index) == 1 else f"({', '.join(map(str, index))})"


def held(value: float) -> float:
    """A finite number within MOST, and others as they are."""
    return min(max(value, -MOST), MOST) if math.isfinite(value) else value


def index_of(shape: Sequence[int], position: int) -> tuple[int, ...]:
    """The index of the entry at a position in C order."""
    index = []
    for size in reversed(shape):
        position, at = divmod(position, size)
        index.append(at)
    return tuple(reversed(index))


def sentence(compared: Compared) -> str:
    """What the pictures say, in words."""
    got, expected = compared.got, compared.expected
    if compared.differs is None:
        shapes = f"got has the shape {shape_text(got.shape)}, expected {shape_text(expected.shape)}"
        return f"{shapes}: no difference to show."
    if not got.values:
        return f"Both are empty, of shape {shape_text(got.shape)}."
    if not compared.wrong:
        return "No entry differs."
    part = f"In the part {part_of(got)}, " if part_of(got) else ""
    text = f"{part}{len(compared.wrong)} of {len(got.values)} entries differ"
    odd = sum(not math.isfinite(got.values[i]) for i in compared.wrong)
    largest = largest_difference(compared)
    return f"{text}{f', {odd} of them not finite' if odd else ''}{f'; {largest}' if largest else ''}."


def largest_difference(compared: Compared) -> str:
    """In words; empty where no entry differs by a number."""
    known = [i for i in compared.wrong if math.isfinite(compared.difference[i])]
    if not known:
        return ""
    most = max(known, key=lambda i: (abs(compared.difference[i]), -i))
    return f"the largest difference is {signed(compared.difference[most])}, at {place(compared.got, most)}"


def shape_text(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def number(value: float, digits: int = 4) -> str:
    """A number to so many significant digits; whole numbers below a million as they are."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.{digits}g}"


def signed(value: float, digits: int = 4) -> str:
    text = number(value, digits)
    return text if text.startswith(("-", "nan")) else f"+{text}"


def texts_of(compared: Compared, digits: int = 4) -> tuple[list[str], list[str], list[str]]:
    """got, expected and difference as text, with more digits where it takes them to tell apart what differs.

    The difference is `=` where the entries count as equal.
    """
    for more in (digits, 6, 10, 17):
        got = [number(value, more) for value in compared.got.values]
        expected = [number(value, more) for value in compared.expected.values]
        if compared.differs is None or all(got[i] != expected[i] for i in compared.wrong):
            break
    gaps = [signed(gap, digits) if i in compared.wrong else "=" for i, gap in enumerate(compared.difference)]
    return got, expected, gaps


def planes_of(shape: Sequence[int]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Each matrix along the last two axes: its index, and the position of its first entry."""
    entries = math.prod(shape[-2:])
    for count, index in enumerate(itertools.product(*map(range, shape[:-2]))):
        yield index, count * entries


def _differ(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) != math.isnan(other)
    return one != other and not abs(one - other) <= _ABSOLUTE + _RELATIVE * abs(other)
