"""The reference of the exercise `backprop` against torch, on random inputs and random expression graphs."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.checks.siblings import load, siblings

torch = pytest.importorskip("torch")

GRADERS = Path(__file__).parents[2] / "graders" / "backprop"

with siblings(GRADERS):
    reference: ModuleType = load(GRADERS / "reference.py")
    programs: ModuleType = load(GRADERS / "programs.py")
    surfaces: ModuleType = load(GRADERS / "surfaces.py")

seeds = st.integers(0, 2**32 - 1)


def batches() -> list[tuple[np.ndarray, np.ndarray]]:
    """Logits and labels of many sizes and scales."""
    rng = np.random.default_rng(7)
    sizes = [(scale, n, k) for scale in (0.0, 1.0, 30.0, 1000.0) for n, k in ((1, 2), (3, 5), (8, 1), (16, 10))]
    drawn = [(scale * rng.normal(size=(n, k)), rng.integers(0, k, n)) for scale, n, k in sizes]
    rows_apart = rng.normal(size=(6, 4))
    rows_apart[1::2] += 2000
    return [*drawn, (rows_apart, rng.integers(0, 4, 6))]


@pytest.mark.parametrize(("Z", "y"), batches())
def test_softmax_cross_entropy_is_torchs(Z: np.ndarray, y: np.ndarray) -> None:
    logits = torch.tensor(Z, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(y))
    expected.backward()
    loss, dZ = reference.softmax_cross_entropy(Z, y)
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dZ, logits.grad.numpy(), rtol=1e-10, atol=1e-14, strict=True)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 2), (5, 3, 4, 2), (20, 7, 16, 10)])
def test_mlp_is_torchs(sizes: tuple[int, int, int, int], scale: float) -> None:
    n, d, h, k = sizes
    rng = np.random.default_rng(sum(sizes))
    X, y = rng.normal(size=(n, d)), rng.integers(0, k, n)
    parameters = [rng.normal(size=shape) for shape in ((d, h), (h,), (h, k), (k,))]
    parameters[2] *= scale
    W1, b1, W2, b2 = tensors = [torch.tensor(part, requires_grad=True) for part in parameters]
    logits = torch.relu(torch.tensor(X) @ W1 + b1) @ W2 + b2
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(y))
    expected.backward()
    loss, gradients = reference.mlp_loss_and_grads(X, y, *parameters)
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-12)
    for gradient, tensor in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-9, atol=1e-12, strict=True)


def test_numerical_gradient_is_torchs_for_any_shape() -> None:
    for seed, shape in enumerate([(), (4,), (2, 3), (2, 1, 3)]):
        x = np.random.default_rng(seed).normal(size=shape)
        point = torch.tensor(x, requires_grad=True)
        (torch.sin(point).sum() * torch.exp(-(point**2).sum())).backward()
        got = reference.numerical_gradient(lambda x: float(np.sin(x).sum() * np.exp(-(x**2).sum())), x)
        np.testing.assert_allclose(got, point.grad.numpy(), rtol=1e-6, atol=1e-9, strict=True)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(surfaces.points(st.integers(1, 3)))
def test_the_surfaces_of_the_checks_have_the_gradients_they_say(problem: tuple) -> None:
    f, x = problem
    point = torch.tensor(x, requires_grad=True)
    s = (torch.tensor(f.c) * point).sum()
    ((torch.tensor(f.a) * point**3 + torch.tensor(f.b) * point**2).sum() + s**2 + f.sine * torch.sin(s)).backward()
    np.testing.assert_allclose(f.gradient(x), point.grad.numpy(), rtol=1e-10, atol=1e-12)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(programs.programs(*programs.EVERYTHING, reuse=True, steps=(1, 12)))
def test_value_is_torchs_on_random_expression_graphs(program) -> None:
    values = program.run(reference.Value)
    tensors = program.run(lambda number: torch.tensor(number, dtype=torch.float64, requires_grad=True))
    values[-1].backward()
    tensors[-1].backward()
    np.testing.assert_allclose([v.data for v in values], [t.item() for t in tensors], rtol=1e-12, atol=1e-12)
    for i in program.inputs:
        expected = 0.0 if tensors[i].grad is None else tensors[i].grad.item()
        np.testing.assert_allclose(values[i].grad, expected, rtol=1e-9, atol=1e-10, err_msg=str(program))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(programs.programs(*programs.EVERYTHING, reuse=True, steps=(1, 12)))
def test_numbers_of_the_programs_stay_moderate(program) -> None:
    values = program.run(reference.Value)
    assert all(abs(value.data) < programs.LARGEST for value in values)
    for line in program.lines:
        if line.operation is programs.RELU:
            assert abs(values[line.a].data) > programs.AWAY


def test_a_relu_is_off_at_zero() -> None:
    zero = reference.Value(0.0)
    zero.relu().backward()
    assert zero.grad == 0.0
    _, (dW1, db1, dW2, _) = reference.mlp_loss_and_grads(
        np.ones((2, 1)), np.array([0, 1]), np.zeros((1, 1)), np.zeros(1), np.ones((1, 2)), np.zeros(2)
    )
    assert not dW1.any() and not db1.any() and not dW2.any()
