"""assert_close: strict where Python's and numpy's own comparisons are lenient."""

import numpy as np
import pytest

from assay.checks import Mismatch, assert_close
from assay.checks.compare import _differs, _surely_close, _tolerance


class AgreesWithEverything:
    """What a submission would return if it could."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __array__(self, dtype=None, copy=None):
        return np.ones((2, 2))


def refused(got, expected, **options):
    with pytest.raises(Mismatch) as caught:
        assert_close(got, expected, **options)
    return caught.value.message


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        3,
        True,
        None,
        "text",
        np.arange(6.0).reshape(2, 3),
        np.arange(3),
        np.array([True, False]),
        np.zeros((0, 3)),
        (1.0, np.ones(2)),
        {"loss": 1.0, "path": [np.ones(1), None]},
        np.array([np.nan, np.inf, 1.0]),
        np.float32([1, 2]),
    ],
    ids=str,
)
def test_a_value_is_close_to_itself(value):
    assert_close(value, value)


@pytest.mark.parametrize("got", [2.0, 2, np.float64(2), np.float32(2), np.int64(2), np.array(2.0)])
def test_numbers_of_every_kind_count_as_numbers(got):
    assert_close(got, 2.0)
    assert_close(got, np.array(2.0))
    assert_close(got, 2)


def test_a_list_counts_as_a_tuple():
    assert_close([1.0, np.ones(2)], (1.0, np.ones(2)))


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (1.0, np.ones(3)),
        (np.ones((1, 3)), np.ones(3)),
        (np.ones((3, 1)), np.ones((1, 3))),
        (np.ones(3), [1.0, 1.0, 1.0]),
        ([1.0, 1.0], np.ones(2)),
        (np.ones(1), 1.0),
        (None, np.zeros(2)),
        (np.zeros(2), None),
        (True, 1.0),
        (np.array(True), 1.0),
        (1.0, True),
        ("1.0", 1.0),
        ("one", "two"),
        (False, True),
        ((1.0,), (1.0, 2.0)),
        ({"a": 1.0}, {"b": 1.0}),
        (np.float32([1, 2]), np.float64([1, 2])),
        (np.int64([1, 2]), np.float64([1, 2])),
        (np.array([True, False]), np.array([1, 0])),
        (np.zeros((0, 2)), np.zeros((2, 0))),
        (np.nan, 1.0),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0])),
        (np.array([np.inf]), np.array([-np.inf])),
        (np.array([1.0]), np.array([np.nan])),
        (10**400, 1.0),
        (1j, 1.0),
        (np.array([1j]), np.array([1.0])),
        (AgreesWithEverything(), 42),
        (AgreesWithEverything(), np.ones((2, 2))),
        (AgreesWithEverything(), "text"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_else_is_close(got, expected):
    refused(got, expected)


def test_the_tolerance_follows_the_dtype():
    one = np.ones(3)
    assert_close(one + 1e-8, one)
    refused(one + 1e-6, one)
    assert_close(np.float32(one + 5e-5), np.float32(one))
    refused(np.float32(one + 5e-4), np.float32(one))
    refused(np.array([1, 2]), np.array([1, 3]))


def test_the_tolerance_is_relative_to_the_expected_value():
    assert_close(1e9 + 50, 1e9)
    refused(1e9, 50.0)
    assert_close(1e-10, 0.0)
    refused(1e-8, 0.0)


def test_tolerances_can_be_set():
    assert_close(1.05, 1.0, rtol=0.1)
    assert_close(1.05, 1.0, atol=0.1, rtol=0.0)
    refused(1.2, 1.0, rtol=0.1)
    refused(1.0 + 1e-15, 1.0, rtol=0.0, atol=0.0)


def test_an_infinite_tolerance_leaves_shape_and_finiteness():
    assert_close(np.zeros(2), np.array([1e9, 1.0]), atol=np.inf)
    refused(np.array([np.nan, 1.0]), np.ones(2), atol=np.inf)
    refused(np.zeros(3), np.zeros(2), atol=np.inf)


def test_the_first_difference_is_named():
    expected = np.array([[1.0, 1.5], [2.0, 3.0]])
    got = expected + [[0, -0.1], [0, 1]]
    assert refused(got, expected) == "2 of 4 entries differ; first at (0, 1): got 1.4, expected 1.5"
    assert refused(np.array([0, 1]), np.array([0, 2])) == "1 of 2 entries differ; first at 1: got 1, expected 2"
    assert refused(1.4, 1.5) == "got 1.4, expected 1.5"


def test_numbers_that_differ_look_different():
    assert refused(1.0000001234, 1.0) == "got 1.000000123, expected 1"


def test_the_most_basic_difference_comes_first():
    assert refused(np.float32([[np.nan]]), np.ones(2)) == "the shape is (1, 1), expected (2,)"
    assert refused(np.float32([np.nan, 1]), np.ones(2)) == "the dtype is float32, expected float64"
    assert refused(np.array([0, np.nan]), np.ones(2)) == "1 of 2 entries are not finite; first at (1,): nan"
    assert refused(None, np.ones(2)) == "got None, expected an array of shape (2,)"
    assert refused([1.0, 2.0], np.ones(2)) == "got a list of 2 values, expected an array of shape (2,)"
    assert "an object that is no plain number or array" in refused(AgreesWithEverything(), 1.0)


def test_parts_are_named():
    expected = (1.0, np.zeros(2))
    assert refused((1.0, np.ones(2)), expected, parts=("loss", "dW")).startswith("dW: 2 of 2 entries differ")
    assert refused((2.0, np.zeros(2)), expected) == "value 1 of 2: got 2, expected 1"
    assert refused({"dW": 1.0}, {"dW": 2.0}) == "dW: got 1, expected 2"
    assert refused((1.0,), expected) == "got 1 values, expected 2"
    assert refused({"a": 1}, {"b": 1}) == "got the keys a, expected b"


def test_the_parts_that_differ_are_kept():
    with pytest.raises(Mismatch) as caught:
        assert_close((1.0, 2.0), (1.0, 3.0))
    assert (caught.value.got, caught.value.expected) == (2.0, 3.0)


def test_an_expected_value_that_is_no_data_is_the_authors_mistake():
    with pytest.raises(TypeError, match="must be plain data"):
        assert_close(object(), object())


def test_a_short_look_finds_nothing_close_that_is_not():
    values = [0.0, -0.0, 1.0, 1.0 + 1e-12, 1.5, -1.0]
    found = 0
    for dtype in ("float64", "float32", "int64"):
        large = {"float64": [1e308, np.inf, np.nan], "float32": [3e38, np.inf, np.nan], "int64": [2.0**62]}[dtype]
        pool = np.array([*values, *large, *(-value for value in large)]).astype(dtype)
        for rtol, atol in ((None, None), (0.0, 0.0), (0.0, np.inf), (2.0, 0.0), (1e-3, 1.0)):
            for one, other in np.ndindex(len(pool), len(pool)):
                got, expected = np.array([pool[one], 1]).astype(dtype), np.array([pool[other], 1]).astype(dtype)
                if _surely_close(got, expected, *_tolerance(expected.dtype, rtol, atol)):
                    found += 1
                    wide = got.astype(np.float64), expected.astype(np.float64)
                    assert not _differs(*wide, *_tolerance(expected.dtype, rtol, atol)).any()
                    assert np.isfinite(got[0]) or not np.isfinite(expected[0])
    assert found > 100
