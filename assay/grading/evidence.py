"""Whether a known mistake explains what a student's function yields, probe by probe.

Two functions that make the same mistake yield the same wrong values wherever they are asked. That alone proves little
where the values are right, or one and the same number, or none at all; so it is counted what speaks for a mistake.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from assay.checks.compare import Mismatch, assert_close, kind
from assay.grading.witness import Failure, Heard

ENOUGH = 5  # probes on which a mistake must show
DISTINCT = 3  # different wrong numbers, where the diagnosis does not name the number
SLACK = 10.0  # tolerances that two writings of one mistake may be apart
SHOWN = 20.0  # tolerances that a mistake has to be away from the right answer
SINGLE = (1e-4, 1e-5)  # (rtol, atol) where float32 is among the values
DOUBLE = (1e-7, 1e-9)
SIDES = ("type", "after", "callbacks")  # what besides the values can be wrong

Yielded = Sequence[Heard]


@dataclass(frozen=True)
class Said:
    """What a student's function yields on one probe, beside what is right."""

    yielded: Yielded
    right: Yielded

    @cached_property
    def is_sound(self) -> bool:
        """Whether its values are right, whatever else is wrong."""
        return agree(self.yielded, self.right)

    @cached_property
    def differs(self) -> bool:
        """Whether its values are far from right."""
        return not agree(self.yielded, self.right, SHOWN)

    @cached_property
    def breaks(self) -> bool:
        return is_broken(self.yielded, self.right)

    @cached_property
    def sides(self) -> frozenset[str]:
        """Those that are wrong."""
        return frozenset(side for side in SIDES if not agree_on(side, self.yielded, self.right))


@dataclass(frozen=True)
class Contrast:
    """How a known mistake differs from what is right on one probe."""

    shows: bool  # whether it does so clearly, in the values
    wrong: frozenset[Any]  # the wrong numbers, rounded, and None for what is no finite number
    partly: bool  # whether some entries of an array are right
    sides: frozenset[str]  # in which it differs


def contrast(mistake: Yielded, right: Yielded) -> Contrast:
    wrong = wrong_parts(mistake, right)
    return Contrast(
        shows=bool(wrong) and not agree(mistake, right, SHOWN),
        wrong=frozenset(wrong),
        partly=any(_is_partly_right(one.value, other.value) for one, other in zip(mistake, right, strict=False)),
        sides=frozenset(side for side in SIDES if not agree_on(side, mistake, right)),
    )


@dataclass
class Evidence:
    """What has been heard of one known mistake, the right answer and a student, as long as nothing contradicts it."""

    values: int = 0  # probes on which the mistake shows in the values
    wrong: set[Any] = field(default_factory=set)  # numbers that are wrong because of it
    broken: int = 0  # probes on which it yields nan, infinities or failures where the right answer does not
    partly: int = 0  # probes on which some entries of an array are right
    whole: int = 0  # probes on which it yields something else
    sides: Counter[str] = field(default_factory=Counter)  # probes on which it shows beside the values
    unlike: set[str] = field(default_factory=set)  # sides on which student and mistake differ
    shown: set[str] = field(default_factory=set)  # checks on which it shows
    excused: set[str] = field(default_factory=set)  # checks on which the student's function broke down

    def add(self, check: str, said: Said, mistake: Yielded, shown: Callable[[], Contrast]) -> bool:
        """Take in one probe, on which `shown` is how the mistake differs from what is right.

        False where it speaks against the mistake.
        """
        if not agree(said.yielded, mistake) and not _agree_in_arrays(said.yielded, mistake):
            if said.breaks and not is_broken(mistake, said.right):
                self.excused.add(check)
                return True
            return False
        self.unlike |= {side for side in SIDES if not agree_on(side, said.yielded, mistake)}
        contrast = shown()
        if contrast.shows and said.differs:
            self.values += 1
            self.shown.add(check)
            self.wrong |= contrast.wrong - {None}
            self.broken += None in contrast.wrong
            self.partly += contrast.partly
            self.whole += contrast.wrong != {None}
        else:
            self.whole += 1
        self.sides.update(contrast.sides)
        self.shown |= {check} if contrast.sides else set()
        return True

    def shows_on(self, check: str) -> bool:
        return check in self.shown and check not in self.excused

    def is_convincing(self, says: str) -> bool:
        """Whether it is enough to tell a student `says`."""
        if not self.values:
            return any(self.sides[side] >= ENOUGH and side not in self.unlike for side in SIDES)
        if self.values < ENOUGH:
            return False
        if len(self.wrong) >= DISTINCT or self.partly >= ENOUGH or self.broken >= ENOUGH <= self.whole:
            return True
        named = {float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w|\.\d)", says)}
        return bool(self.wrong) and self.wrong <= named


def agree(one: Yielded, other: Yielded, slack: float = SLACK) -> bool:
    """Whether the values are the same, in kind, shape, dtype and within tolerance."""
    return len(one) == len(other) and all(
        _close(first.value, second.value, slack) for first, second in zip(one, other, strict=True)
    )


def is_broken(heard: Yielded, right: Yielded) -> bool:
    """Whether there are failures, or numbers that are not finite, where the right answer has none."""
    return _breaks([one.value for one in heard]) and not _breaks([one.value for one in right])


def shares_a_side(said: Said, mistake: Yielded) -> bool:
    """Whether something besides the values is wrong in the student's answer, and in the mistake in the same way."""
    return any(agree_on(side, said.yielded, mistake) for side in said.sides)


def wrong_parts(mistake: Yielded, right: Yielded) -> set[Any]:
    """The wrong numbers, rounded, and None for what is no finite number."""
    if len(mistake) != len(right):  # the check ended early: what it had heard until then
        mistake, right = mistake[: len(right)], right[: len(mistake)]
    return {part for one, other in zip(mistake, right, strict=True) for part in _wrong(one.value, other.value)}


def _close(one: Any, other: Any, slack: float) -> bool:
    if isinstance(one, Failure) or isinstance(other, Failure):
        return isinstance(one, Failure) and isinstance(other, Failure) and one.message == other.message
    rtol, atol = SINGLE if _has_single(one) or _has_single(other) else DOUBLE
    return _near(one, other, slack * rtol, slack * atol)


def _near(one: Any, other: Any, rtol: float, atol: float) -> bool:
    """What `assert_close` says, sooner: most answers differ, and nobody reads how."""
    if type(one) is type(other) is float:
        if one == other or abs(one - other) <= atol + rtol * abs(other) < math.inf:
            return True
        return math.isnan(one) and math.isnan(other)
    if type(one) in (tuple, list) and type(other) in (tuple, list):
        return len(one) == len(other) and all(_near(*pair, rtol, atol) for pair in zip(one, other, strict=True))
    if _are_alike(one, other):
        return not _differing(one, other, rtol, atol).any()
    try:
        assert_close(one, other, rtol=rtol, atol=atol)
    except (Mismatch, TypeError, OverflowError):  # also an integer too large to compare
        return False
    return True


def _has_single(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_has_single, value))
    if isinstance(value, dict):
        return any(map(_has_single, value.values()))
    return getattr(value, "dtype", None) == np.float32


def _breaks(value: Any) -> bool:
    return any(_is_nothing(leaf) for leaf in leaves(value))


def _is_nothing(leaf: Any) -> bool:
    if isinstance(leaf, Failure):
        return True
    return kind(leaf) in ("number", "array") and not np.isfinite(np.asarray(leaf, dtype=np.float64)).all()


def _agree_in_arrays(one: Yielded, other: Yielded) -> bool:
    """Whether they agree with an array in place of each tuple of numbers: many a check takes either."""
    if not any(kind(heard.value) == "tuple" for heard in (*one, *other)):
        return False  # they do not agree as they are
    return agree(_in_arrays(one), _in_arrays(other))


def _in_arrays(heard: Yielded) -> Yielded:
    return [replace(one, value=_in_array(one.value)) for one in heard]


def _in_array(value: Any) -> Any:
    if kind(value) != "tuple" or not value:
        return value
    return np.array(value, dtype=np.float64) if _is_numbers(value) else tuple(map(_in_array, value))


def _is_numbers(value: Sequence[Any]) -> bool:
    return all(kind(part) == "number" and not isinstance(part, int) for part in value)


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from leaves(part)
    else:
        yield value


def _wrong(one: Any, other: Any) -> Iterator[Any]:
    """All numbers of `one` where it is built differently from `other`, else those that differ."""
    if isinstance(one, Failure):
        yield None
    elif kind(one) == kind(other) == "tuple" and len(one) == len(other):
        for first, second in zip(one, other, strict=True):
            yield from _wrong(first, second)
    elif _are_alike(one, other):
        yield from map(_rounded, one[_clearly_differing(one, other)].tolist())
    elif not _close(one, other, SHOWN):
        for leaf in leaves(one):
            if kind(leaf) in ("number", "array"):
                yield from map(_rounded, np.asarray(leaf).ravel().tolist())


def _is_partly_right(one: Any, other: Any) -> bool:
    """Whether an array has right entries and wrong ones, and the wrong ones are not all equal to a right one."""
    if kind(one) == kind(other) == "tuple" and len(one) == len(other):
        return any(map(_is_partly_right, one, other))
    if not _are_alike(one, other):
        return False
    wrong = _clearly_differing(one, other)
    right = set(map(_rounded, one[~wrong].tolist()))
    return bool(right) and not set(map(_rounded, one[wrong].tolist())) <= right


def _are_alike(one: Any, other: Any) -> bool:
    """Whether they are arrays of one shape and dtype."""
    if type(one) is not np.ndarray or type(other) is not np.ndarray or kind(one) != "array":
        return False
    return one.ndim > 0 and one.shape == other.shape and one.dtype == other.dtype


def _differing(one: np.ndarray, other: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """Which entries differ, of two arrays of one shape."""
    got, expected = one.astype(np.float64, copy=False), other.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore", over="ignore"):
        close = (np.abs(got - expected) <= atol + rtol * np.abs(expected)) & np.isfinite(expected)
    close |= got == expected
    close |= np.isnan(got) & np.isnan(expected)
    return ~close


def _clearly_differing(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    rtol, atol = SINGLE if _has_single(one) else DOUBLE
    return _differing(one, other, SHOWN * rtol, SHOWN * atol)


def _rounded(number: float) -> float | None:
    """To six digits; None where it is not finite."""
    number = float(number)
    return float(f"{number:.5e}") if math.isfinite(number) else None


def agree_on(side: str, one: Yielded, other: Yielded) -> bool:
    """Whether types of numbers, changed arguments or numbers of callbacks are the same."""
    return len(one) == len(other) and all(_side(side, first, second) for first, second in zip(one, other, strict=True))


def _side(side: str, one: Heard, other: Heard) -> bool:
    if side == "callbacks":
        return one.callbacks == other.callbacks
    if side == "after":
        return one.after.keys() == other.after.keys() and all(
            _close(value, other.after[name], SLACK) for name, value in one.after.items()
        )
    return _types(one.value) == _types(other.value)


def _types(value: Any) -> list[str]:
    """Whether numbers are whole ones, or of few digits: 3.0 is the same value as 3, but no size of an array."""
    types = (np.asarray(leaf).dtype for leaf in leaves(value) if kind(leaf) == "number")
    return ["integer" if type.kind in "iu" else "single" if type == np.float32 else "float" for type in types]
