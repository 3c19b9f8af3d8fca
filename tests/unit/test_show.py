"""Values as text for students."""

import functools

import numpy as np
import pytest

from assay.checks import show
from assay.checks.callbacks import Quadratic
from assay.checks.show import printable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (np.True_, "True"),
        (3, "3"),
        (np.int64(3), "3"),
        (10**30, "1e+30"),
        (-(10**5000), "an integer of more than 300 digits"),
        (1 / 3, "0.333333"),
        (np.float64(2.0), "2"),
        (np.array(2.5), "2.5"),
        (float("nan"), "nan"),
        (-np.inf, "-inf"),
        (1e-12, "1e-12"),
        ("a", "'a'"),
        (np.array([1.0, -2.5]), "[1, -2.5]"),
        (np.array([True, False]), "[True, False]"),
        (np.float32([1, 2]), "float32 [1, 2]"),
        (np.zeros((0, 3)), "float64 array of shape (0, 3)"),
        ((1.0,), "(1,)"),
        ((1.0, [2, 3]), "(1, [2, 3])"),
        ({"a": 1}, "{'a': 1}"),
        (object(), "an object (object)"),
        (np.sin, "<ufunc 'sin'>"),
        (functools.reduce, "function reduce"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_small_values(value, text):
    assert show(value) == text


def test_columns_are_aligned():
    assert show(np.array([[1.0, -10.5], [100.0, 2.0]])) == "[[    1, -10.5],\n [  100,     2]]"


def test_matrices_of_a_batch_are_set_apart():
    assert show(np.arange(4.0).reshape(2, 1, 2)) == "[[[0, 1]],\n\n [[2, 3]]]"


def test_a_dtype_does_not_break_the_alignment():
    first, second = show(np.float32([[1, 2], [3, 4]])).splitlines()
    assert first.index("1") == second.index("3")


def test_large_arrays_are_summarised():
    text = show(np.arange(600.0).reshape(20, 30))
    assert text.splitlines()[0] == "float64 array of shape (20, 30), first rows"
    assert len(text.splitlines()) == 5
    assert "12" not in text.splitlines()[1]
    assert show(np.arange(1000)).startswith("int64 array of shape (1000,), first entries\n[0, 1, 2")
    assert show(np.zeros((5, 5, 5))).startswith("float64 array of shape (5, 5, 5), first rows\n[[0, 0")


def test_no_value_is_longer_than_the_cap():
    many = {f"key {i}": np.ones((3, 3)) for i in range(500)}
    assert len(show(many)) <= 1200
    assert len(show("x" * 5000, length=50)) <= 50
    assert show("x" * 5000).endswith(" ...")


def test_nesting_has_an_end():
    nested: list[object] = []
    for _ in range(50):
        nested = [nested]
    assert show(nested) == "[[[[...]]]]"


def test_parts_of_several_lines_are_indented():
    assert show((np.eye(2), 1.0)) == "(\n  [[1, 0],\n   [0, 1]],\n  1\n)"


def test_callbacks_are_shown_by_their_own_text():
    text = show(Quadratic(np.eye(1), np.zeros(1)))
    assert text == "x -> A @ x - b with A = [[1]], b = [0]"


def test_control_characters_are_not_passed_on():
    assert printable("a\x1b[31mb\r\nc\udc80", 50) == "a\ufffd[31mb\ufffd\nc\ufffd"
    assert len(printable("x" * 10**6, 50)) <= 50
    assert "\x1b" not in show("\x1b[2J")
