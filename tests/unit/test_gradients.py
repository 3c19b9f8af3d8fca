"""Finite differences."""

# ruff: noqa: F821  (sizes in annotations)

import numpy as np
import pytest

from assay.checks import Float, Mismatch, gradcheck, gradients_are_derivatives, numerical_gradient, random_like
from assay.errors import AuthoringError
from assay.outcome import Outcome
from tests.support.suites import judge, write


def test_central_differences_are_exact_on_quadratics():
    A = np.array([[2.0, 1.0], [1.0, 3.0]])
    x = np.array([0.5, -2.0])
    assert np.abs(numerical_gradient(lambda v: v @ A @ v / 2, x, h=1e-2) - A @ x).max() < 1e-11


def test_the_gradient_has_the_shape_of_x_and_leaves_it_alone():
    x = np.arange(6.0).reshape(2, 3)
    before = x.copy()
    gradient = numerical_gradient(lambda v: np.sin(v).sum(), x)
    assert gradient.shape == (2, 3) and (x == before).all()
    assert np.abs(gradient - np.cos(x)).max() < 1e-9


def layer(x, w):
    return np.tanh(x @ w)


ARGUMENTS = {"x": np.array([[0.3, -0.7], [1.1, 0.2]]), "w": np.array([[0.5, -0.4, 1.0], [0.1, 0.9, -0.2]])}


def gradients(cotangent):
    out = layer(*ARGUMENTS.values())
    inner = cotangent * (1 - out**2)
    return [inner @ ARGUMENTS["w"].T, ARGUMENTS["x"].T @ inner]


def test_right_gradients_pass():
    cotangent = random_like(layer(*ARGUMENTS.values()), np.random.default_rng(1))
    gradcheck(layer, ARGUMENTS, gradients(cotangent), wrt=("x", "w"), cotangent=cotangent)


def test_a_random_cotangent_sees_what_a_sum_hides():
    ones = np.ones((2, 3))
    forgets_cotangent = gradients(ones)
    gradcheck(layer, ARGUMENTS, forgets_cotangent, wrt=("x", "w"), cotangent=ones)
    cotangent = random_like(ones, np.random.default_rng(1))
    with pytest.raises(Mismatch, match=r"gradient of x\[0, 0\]: got .* by finite differences"):
        gradcheck(layer, ARGUMENTS, forgets_cotangent, wrt=("x", "w"), cotangent=cotangent)


def test_small_errors_are_seen():
    cotangent = np.ones((2, 3))
    x, w = gradients(cotangent)
    w[1, 2] *= 1.001
    with pytest.raises(Mismatch, match=r"gradient of w\[1, 2\]"):
        gradcheck(layer, ARGUMENTS, [x, w], wrt=("x", "w"), cotangent=cotangent)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, w: [x],
        lambda x, w: [x.T[:1], w],
        lambda x, w: [x, w.astype(np.float32)],
        lambda x, w: [x, None],
        lambda x, w: [x, np.full_like(w, np.nan)],
    ],
)
def test_gradients_of_the_wrong_kind_are_refused(wrong):
    cotangent = np.ones((2, 3))
    with pytest.raises(Mismatch):
        gradcheck(layer, ARGUMENTS, wrong(*gradients(cotangent)), wrt=("x", "w"), cotangent=cotangent)


def test_only_numbers_can_be_differentiated():
    with pytest.raises(Mismatch, match="one number"):
        numerical_gradient(lambda x: x, np.ones(2))


def test_large_arrays_are_sampled():
    x = np.arange(100.0)
    calls = []

    def f(v):
        calls.append(v)
        return float((v**2).sum()) * 1e-3

    gradcheck(f, {"x": x}, [2e-3 * x], wrt=("x",), rng=np.random.default_rng(0))
    assert len(calls) == 24
    with pytest.raises(Mismatch):
        gradcheck(f, {"x": x}, [3e-3 * x], wrt=("x",), rng=np.random.default_rng(0))


LEAST_SQUARES = '''
from assay.checks import Float

def f(X: Float["n d"], y: Float["n"], w: Float["d"], b: float = 0.5) -> tuple[float, Float["d"]]:
    """Half the mean squared error and its gradient."""
    r = X @ w + b - y
    return float(r @ r / 2 / len(y)), X.T @ r / len(y)
'''


def test_the_gradients_of_a_students_own_loss(tmp_path):
    folder = write(
        tmp_path, checks='check = gradients_are_derivatives(f, wrt=("w",), points=10)', reference=LEAST_SQUARES
    )
    assert judge(folder)["check"].outcome is Outcome.PASSED

    def forgets_the_mean(X, y, w, b):
        r = X @ w + b - y
        return float(r @ r / 2 / len(y)), X.T @ r

    result = judge(folder, {"f": forgets_the_mean})["check"]
    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("gradient of w[0]: got ")
    assert len(result.counterexample.calls) <= 4


def test_a_parameter_that_does_not_exist_is_refused_at_once():
    def function(x: Float["n"]) -> float:
        return 0.0

    with pytest.raises(AuthoringError, match="no parameter w"):
        gradients_are_derivatives(function, wrt=("w",))
