"""Annotations of references."""

import numpy as np
import pytest

from assay.checks import Adjacency, Bool, Float, Float32, Images, Int, Labels, between, scaled
from assay.checks.shapes import measured_sizes
from assay.errors import AuthoringError


def test_sizes_are_letters_or_digits():
    annotation = Float["n 3 d"]
    assert annotation.shape == ("n", 3, "d")
    assert annotation.sizes == ("n", "d")
    assert annotation.shape_for({"n": 2, "d": 5}) == (2, 3, 5)
    assert str(annotation) == "float64 array of shape (n, 3, d)"


@pytest.mark.parametrize(
    ("annotation", "dtype"),
    [
        (Float["n"], "float64"),
        (Float32["n"], "float32"),
        (Int["n"], "int64"),
        (Bool["n"], "bool"),
        (Images["n c h w"], "float64"),
        (Labels["n", "k"], "int64"),
        (Adjacency["n n"], "float64"),
    ],
    ids=str,
)
def test_every_kind_has_its_dtype(annotation, dtype):
    assert annotation.dtype == dtype


def test_labels_name_the_number_of_classes():
    assert Labels["n", "k"].sizes == ("n", "k")
    assert Labels["n", 10].below == 10
    assert Labels["n", "10"].below == 10


def test_options_change_the_values():
    assert Float["n", scaled(0.5)].scale == 0.5
    drawn = Float["n", between(-1, 2)]
    assert (drawn.low, drawn.high) == (-1, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Float[3],
        lambda: Float["n, d"],
        lambda: Float["n", 0.5],
        lambda: Labels["n"],
        lambda: Adjacency["n m"],
        lambda: Adjacency["n n n"],
        lambda: between(2, 1),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(AuthoringError):
        wrong()


def test_sizes_can_be_read_from_arguments():
    annotations = {"x": Float["n d"], "y": Labels["n", "k"], "lr": float}
    assert measured_sizes(annotations, {"x": np.ones((2, 3)), "y": np.zeros(2, int), "lr": 1.0}) == {"n": 2, "d": 3}
