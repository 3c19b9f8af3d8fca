"""Laws hold for right answers and fail for the mistake they are for."""

# ruff: noqa: F821  (sizes in annotations)

import numpy as np
import pytest

from assay.checks import Float, bias_adds, law, linear_in, right_shape
from assay.errors import AuthoringError
from assay.outcome import Outcome
from tests.support.suites import judge, write

AFFINE = '''
import numpy as np
from assay.checks import Adjacency, Float

def f(A: Adjacency["n n"], x: Float["n d"], w: Float["d k"], b: Float["k"]) -> Float["n k"]:
    """Neighbours summed, weighted, plus a bias."""
    return A @ x @ w + x @ w + b
'''


def right(A, x, w, b):
    return A @ x @ w + x @ w + b


CASES = {
    "linear": ('linear_in(f, "w", points=10, b=lambda s: st.just(np.zeros(s["k"])))', lambda A, x, w, b: x @ w**2),
    "affine": ('affine_in(f, "x", points=10)', lambda A, x, w, b: x**2 @ w + b),
    "scale": (
        'homogeneous_in(f, "w", points=10, b=lambda s: st.just(np.zeros(s["k"])))',
        lambda A, x, w, b: x @ w + 1,
    ),
    "bias": ('bias_adds(f, "b", points=10)', lambda A, x, w, b: x @ w - b),
    "nodes": (
        'permutation_equivariant(f, {"A": (0, 1), "x": (0,)}, points=10)',
        lambda A, x, w, b: np.cumsum(x @ w, axis=0),
    ),
    "features": (
        'permutation_equivariant(f, {"x": (1,), "w": (0,)}, output=(), points=10)',
        lambda A, x, w, b: x[:, :1] @ w[:1],
    ),
    "shape": ("right_shape(f, points=10)", lambda A, x, w, b: right(A, x, w, b).T[None]),
    "dtype": ("right_shape(f, points=10)", lambda A, x, w, b: right(A, x, w, b).astype(np.float32)),
    "own": (
        'law(f, "two steps make one", lambda a, rng: ({**a, "b": a["b"] + 1}, lambda out: out + 1), points=10)',
        lambda A, x, w, b: x @ w,
    ),
}


@pytest.fixture
def exercise(tmp_path):
    return lambda law: write(tmp_path, checks=f"check_law = {law}", reference=AFFINE)


@pytest.mark.parametrize("case", CASES)
def test_a_law_fails_for_its_mistake_alone(exercise, case):
    made, wrong = CASES[case]
    folder = exercise(made)
    assert judge(folder, {"f": right})["check_law"].outcome is Outcome.PASSED
    assert judge(folder, {"f": wrong})["check_law"].outcome is Outcome.FAILED


def test_items_of_a_batch_do_not_see_each_other(tmp_path):
    reference = AFFINE.replace('A: Adjacency["n n"], ', "").replace("A @ x @ w + x @ w", "x @ w")
    checks = 'check_law = items_independent(f, "x", points=10, sizes={"n": (2, 4)})'
    folder = write(tmp_path, checks=checks, reference=reference)
    assert judge(folder)["check_law"].outcome is Outcome.PASSED
    wrong = {"f": lambda x, w, b: (x - x.mean(axis=0)) @ w + b}
    assert judge(folder, wrong)["check_law"].outcome is Outcome.FAILED


TUPLE = '''
from assay.checks import Float

def f(x: Float["n d"]) -> tuple[float, Float["d"]]:
    """Sum, and sum of every column."""
    return float(x.sum()), x.sum(axis=0)
'''


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda x: (0.0, x[0]), Outcome.PASSED),
        (lambda x: (0.0, x[0], 1.0), Outcome.FAILED),
        (lambda x: 0.0, Outcome.FAILED),
        (lambda x: (0.0, 1.0), Outcome.FAILED),
        (lambda x: (0.0, x), Outcome.FAILED),
    ],
)
def test_shapes_of_several_outputs(tmp_path, answer, outcome):
    folder = write(tmp_path, checks="check_law = right_shape(f, points=10)", reference=TUPLE)
    assert judge(folder, {"f": answer})["check_law"].outcome is outcome


def test_a_size_that_no_argument_has_is_the_authors_mistake(tmp_path):
    reference = TUPLE.replace('Float["d"]]', 'Float["z"]]')
    folder = write(tmp_path, checks="check_law = right_shape(f, points=10)", reference=reference)
    result = judge(folder)["check_law"]
    assert result.outcome is Outcome.BROKEN and "The size z" in result.staff_note


def test_cropping_shifts_what_translation_equivariant_functions_give(tmp_path):
    reference = '''
    from assay.checks import Float

    def f(x: Float["h w"]) -> Float["oh ow"]:
        """Differences of neighbours along both axes."""
        return x[1:, 1:] - x[:-1, :-1]
    '''
    checks = 'check_law = crop_equivariant(f, "x", axes=(0, 1), points=10, sizes={"h": (3, 5), "w": (3, 5)})'
    folder = write(tmp_path, checks=checks, reference=reference)
    assert judge(folder)["check_law"].outcome is Outcome.PASSED
    wrong = {"f": lambda x: np.cumsum(x[1:, 1:], axis=0)}
    assert judge(folder, wrong)["check_law"].outcome is Outcome.FAILED


def test_a_law_speaks_in_the_function_and_parameter_names(exercise):
    result = judge(exercise('linear_in(f, "w", points=10, b=lambda s: st.just(np.zeros(s["k"])))'))["check_law"]
    assert result.sentence == "f is linear in w"


def test_an_output_that_cannot_be_computed_with_is_the_students_failure(exercise):
    result = judge(exercise('affine_in(f, "x", points=10)'), {"f": lambda *a: {"not": "an array"}})["check_law"]
    assert result.outcome is Outcome.FAILED
    assert result.message == "returned something that this check could not use"


def function(x: Float["n"]) -> float:
    return 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: linear_in(function, "w"),
        lambda: bias_adds(function, "b"),
        lambda: right_shape(function),
        lambda: law(function, "sentence", lambda a, rng: (a, None), nonsense=3),
    ],
)
def test_laws_that_make_no_sense_are_refused_at_once(wrong):
    with pytest.raises(AuthoringError):
        wrong()
