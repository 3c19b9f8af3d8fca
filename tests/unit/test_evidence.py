"""The quick comparison of a diagnosis says what `assert_close` says."""

import itertools

import numpy as np
import pytest

from assay.checks.compare import Mismatch, assert_close
from assay.grading.evidence import DOUBLE, SINGLE, SLACK, Contrast, agree, contrast
from assay.grading.witness import OBJECT, Failure, Heard

ARRAY = np.array([1.0, -2.0, 0.0])
VALUES = [
    1.0,
    1.0 + 9e-7,
    1.0 + 2e-6,
    1,
    True,
    10**400,
    np.nan,
    np.inf,
    -np.inf,
    None,
    OBJECT,
    "text",
    abs,
    np.array(1.0),
    np.array([1 + 0j]),
    ARRAY,
    ARRAY + 9e-8,
    ARRAY + 9e-6,
    ARRAY.reshape(1, 3),
    ARRAY.astype(np.float32),
    ARRAY.astype(np.float32) + np.float32(1e-4),
    ARRAY.astype(int),
    np.array([2**62, 0, 1]),
    np.array([2**62 + 1, 0, 1]),
    ARRAY > 0,
    ARRAY * np.nan,
    ARRAY / np.array([1.0, 1.0, np.inf]) * np.array([np.inf, 1.0, 1.0]),
    np.empty((0, 3)),
    (1.0, ARRAY),
    [1.0 + 9e-7, ARRAY],
    (1.0, ARRAY, None),
    (1.0, (ARRAY.astype(np.float32), 1.00001)),
    (1.0, (ARRAY.astype(np.float32), 1.01)),
    {"a": 1.0},
    {"a": 1.0 + 9e-7},
    {"b": 1.0},
    (),
]


def heard(value: object) -> tuple[Heard, ...]:
    return (Heard(value, {}, 0),)


def says(one: object, other: object) -> bool:
    """What `assert_close` says, with the tolerances of a diagnosis."""
    rtol, atol = SINGLE if "float32" in f"{one!r} {other!r}" else DOUBLE
    try:
        assert_close(one, other, rtol=SLACK * rtol, atol=SLACK * atol)
    except (Mismatch, TypeError, OverflowError):
        return False
    return True


@pytest.mark.parametrize("one", range(len(VALUES)))
def test_two_values_agree_where_they_are_close(one: int) -> None:
    for other in VALUES:
        assert agree(heard(VALUES[one]), heard(other)) is says(VALUES[one], other), (VALUES[one], other)


def test_failures_agree_with_the_same_failure_alone() -> None:
    failures = [Failure("one"), Failure("other"), None, 1.0]
    for (i, one), (j, other) in itertools.product(enumerate(failures), repeat=2):
        assert agree(heard(one), heard(other)) is (i == j)


def test_a_contrast_is_what_is_wrong() -> None:
    wrong = np.array([1.0, 7.0, np.nan])
    assert contrast(heard(wrong), heard(ARRAY)) == Contrast(True, frozenset({7.0, None}), True, frozenset())
    assert contrast(heard(3), heard(3.0)) == Contrast(False, frozenset(), False, frozenset({"type"}))
    changed = (Heard(ARRAY, {"0": ARRAY}, 2),)
    assert contrast(changed, heard(ARRAY)).sides == {"after", "callbacks"}
