# ruff: noqa: F722, F821
"""Which arrays of a failing example are kept to be drawn, as what, and which part of large ones."""

from typing import Any

import numpy as np
import pytest

from assay.checks import Adjacency, Float, Images, Labels, Mismatch, assert_close, check, drawn_as, given, inputs_of
from assay.checks.examples import parameters_of
from assay.checks.pictured import pictures_of
from assay.checks.runner import run_check
from assay.checks.shapes import Array
from assay.errors import AuthoringError
from assay.outcome import MOST_ENTRIES, MOST_PICTURES, PICTURE_KINDS, Picture
from assay.sandbox.local import local_student


def mismatch(got: Any, expected: Any) -> Mismatch:
    with pytest.raises(Mismatch) as caught:
        assert_close(got, expected)
    return caught.value


def kinds(pictures: tuple[Picture, ...]) -> dict[str, str]:
    return {picture.name: picture.kind for picture in pictures}


def compared(got: np.ndarray, expected: np.ndarray, returns: Any = None) -> tuple[Picture, ...]:
    return pictures_of([], mismatch(got, expected), {"return": returns})


def test_got_expected_and_what_differs_are_kept() -> None:
    got, expected, differs = compared(np.array([[1.0, 2.0]]), np.array([[1.0, 2.5]]))
    assert got == Picture("got", "matrix", (1, 2), (1.0, 2.0))
    assert expected == Picture("expected", "matrix", (1, 2), (1.0, 2.5))
    assert differs == Picture("differs", "matrix", (1, 2), (0.0, 1.0))


def test_what_differs_is_what_the_comparison_says() -> None:
    near = np.array([1.0, 1.0 + 1e-12, 2.0])
    assert compared(near, np.ones(3))[2].values == (0.0, 0.0, 1.0)
    assert compared(np.array([1.0, np.nan]), np.ones(2))[2].values == (0.0, 1.0)


def test_other_shapes_and_dtypes_have_no_differences() -> None:
    assert [picture.shape for picture in compared(np.ones(3), np.ones((3, 1)))] == [(3,), (3, 1)]
    assert [picture.name for picture in compared(np.ones(3, np.int64), np.ones(3))] == ["got", "expected"]


@pytest.mark.parametrize(
    ("shape", "returns", "kind"),
    [
        ((2, 3), None, "matrix"),
        ((16, 10), None, "matrix"),
        ((17, 10), None, "image"),
        ((2, 11), None, "image"),
        ((8,), None, "matrix"),
        ((9,), None, "curve"),
        ((1, 2, 3), None, "image"),
        ((1, 2, 3, 3), Float["n c h w"], "image"),
        ((4, 4), Adjacency["n n"], "graph"),
        ((4, 3), Adjacency["n n"], "matrix"),
        ((40, 40), Adjacency["n n"], "image"),
        ((3, 3), Images["h w"], "image"),
        ((3, 3), Float["h w", drawn_as("image")], "image"),
        ((3, 3, 3), Float["h w", drawn_as("image")], "image"),
        ((5, 2), Float["steps d", drawn_as("curve")], "curve"),
        ((5, 2, 2), Float["s d e", drawn_as("curve")], "image"),
        ((20,), Float["n", drawn_as("matrix")], "matrix"),
        ((3, 3), tuple[Float["n"], Adjacency["n n"]], "graph"),
        ((9,), Labels["n", 3], "curve"),
    ],
)
def test_the_kind_is_what_the_author_says_or_what_is_usual(shape: tuple, returns: Any, kind: str) -> None:
    assert compared(np.zeros(shape), np.ones(shape), returns)[0].kind == kind


def test_a_wrong_shape_is_drawn_as_it_can_be() -> None:
    pictures = compared(np.ones((2, 3)), np.ones((3, 3)), Adjacency["n n"])
    assert kinds(pictures) == {"got": "matrix", "expected": "graph"}


def test_arguments_that_text_shows_well_are_not_drawn() -> None:
    arguments = [
        ("images", np.ones((1, 1, 2, 2))),
        ("small", np.ones((1, 1, 1, 2))),
        ("A", np.zeros((3, 3))),
        ("H", np.ones((3, 2))),
        ("steps", 7),
        ("text", np.array(["a"] * 9)),
        ("function", abs),
        ("got", np.ones((4, 4, 4))),
    ]
    annotations = {"A": Adjacency["n n"], "H": Float["n f"]}
    assert kinds(pictures_of(arguments, None, annotations)) == {"images": "image", "A": "graph"}


def test_of_what_is_not_an_array_nothing_is_drawn() -> None:
    for got in (None, 3.0, "text", [1.0, 2.0], np.float64(1), np.array(3.0)):
        assert pictures_of([], mismatch(got, np.ones(3)), {}) == ()
    assert pictures_of([], Mismatch("no", got=np.ones(3), expected="shape (2, 2)"), {}) == ()
    assert compared(np.ones(3), np.array(1.0)) == ()


def test_of_a_large_array_the_part_about_the_first_difference_is_kept() -> None:
    expected = np.arange(8 * 28 * 28, dtype=float).reshape(8, 1, 28, 28)
    got = expected.copy()
    got[5, 0, 3, 4] = -1
    images = [("x", expected), ("one", np.ones((1, 1, 40, 100))), ("w", np.ones((2, 2, 2)))]
    x, one, w, first, second, differs = pictures_of(images, mismatch(got, expected), {})
    assert [first.name, second.name, differs.name] == [f"{n}[5, 0, 0:28, 0:28]" for n in ("got", "expected", "differs")]
    assert first.shape == (28, 28) and first.values == tuple(got[5, 0].reshape(-1)) and sum(differs.values) == 1.0
    assert x.name == "x[5, 0, 0:28, 0:28]" and one.name == "one[0, 0, 0:32, 0:32]" and w.name == "w"


def test_the_part_lies_within_the_array() -> None:
    for shape in ((100, 100), (5000,), (1, 3000), (40, 40, 3, 3), (2000, 1)):
        expected = np.zeros(shape)
        got = expected.copy()
        got.reshape(-1)[-1] = 1.0
        one, _, differs = compared(got, expected)
        assert len(one.values) == np.prod(one.shape) <= MOST_ENTRIES and differs.values[-1] == 1.0


def test_at_most_so_many_pictures_are_kept_and_the_compared_ones_first_of_all() -> None:
    arguments = [(f"x{i}", np.ones((2, 2, 2))) for i in range(20)]
    pictures = pictures_of(arguments, mismatch(np.zeros(2), np.ones(2)), {})
    assert len(pictures) == MOST_PICTURES
    assert [picture.name for picture in pictures[-3:]] == ["got", "expected", "differs"]


def test_unknown_pictures_are_the_authors_error() -> None:
    with pytest.raises(AuthoringError, match="film"):
        drawn_as("film")
    for kind in PICTURE_KINDS:
        described = Float["a b", drawn_as(kind)]
        assert isinstance(described, Array) and described.drawn == kind


def degrees(A: Adjacency["n n"]) -> Float["n"]:
    """Neighbours of every node."""
    return A.sum(axis=1)


def test_a_failing_check_keeps_the_pictures_of_its_smallest_example() -> None:
    @check("counts neighbours")
    @given(inputs_of(degrees, sizes={"n": (3, 4)}))
    def counts(student, arguments):
        assert_close(student.degrees(arguments["A"]), degrees(arguments["A"]))

    class Reference:
        pass

    reference = Reference()
    reference.degrees = degrees  # type: ignore[attr-defined]
    with local_student({"degrees": lambda A: A.sum(axis=1) + 1}) as student:
        parameters = parameters_of(reference)  # type: ignore[arg-type]
        ran = run_check(counts, {"student": student}, student, name="c", seed=1, parameters=parameters)
    assert ran.counterexample is not None
    assert kinds(ran.counterexample.pictures) == {
        "A": "graph",
        "got": "matrix",
        "expected": "matrix",
        "differs": "matrix",
    }
    got, expected = ran.counterexample.pictures[1:3]
    assert got.values == tuple(value + 1 for value in expected.values)
