"""The reference of gradient_descent against torch's optimisers and autograd, and against closed forms."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.checks.siblings import load, siblings

torch = pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "graders" / "gradient_descent"
EXACT = {"rtol": 1e-10, "atol": 1e-12, "strict": True}
seeds = st.integers(0, 2**32 - 1)
steady = settings(derandomize=True, deadline=None)  # torch's first calls take seconds


@pytest.fixture(scope="module")
def reference() -> Iterator[ModuleType]:
    with siblings(FOLDER):
        module = load(FOLDER / "reference.py")
    yield module


def walked(optimiser: torch.optim.Optimizer, x: torch.Tensor, grads: np.ndarray) -> np.ndarray:
    """The path of a torch optimiser along recorded gradients."""
    path = [x.numpy().copy()]
    for gradient in torch.from_numpy(grads):
        x.grad = gradient
        optimiser.step()
        path.append(x.numpy().copy())
    return np.array(path)


def recorded(seed: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    steps, d = rng.integers(1, 30), rng.integers(1, 5)
    return rng, rng.standard_normal((steps, d)), rng.standard_normal(d)


@steady
@given(seed=seeds)
def test_line_step_is_autograd_on_the_mean_squared_error(reference: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, rng.integers(1, 9)))
    start, lr = rng.standard_normal(2), rng.uniform(0.001, 1)
    m, b = (torch.tensor(value, requires_grad=True) for value in start)
    torch.nn.functional.mse_loss(m * torch.from_numpy(x) + b, torch.from_numpy(y)).backward()
    expected = [(p - lr * p.grad).item() for p in (m, b)]
    got = reference.line_step(*start.tolist(), x, y, lr)
    np.testing.assert_allclose(np.array(got), expected, **EXACT)


@steady
@given(seed=seeds)
def test_gradient_descent_is_torch_sgd_on_a_function_that_is_not_quadratic(reference: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, steps, lr = rng.integers(1, 5), int(rng.integers(0, 12)), rng.uniform(0.01, 0.5)
    start, weights = rng.standard_normal(d), rng.standard_normal((3, d))
    x = torch.tensor(start, requires_grad=True)
    optimiser, path = torch.optim.SGD([x], lr=lr), [start]
    for _ in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.softplus(torch.from_numpy(weights) @ x).sum().backward()
        optimiser.step()
        path.append(x.detach().numpy().copy())
    calls = []

    def grad(place: np.ndarray) -> np.ndarray:
        calls.append(place)
        return weights.T @ (1 / (1 + np.exp(-weights @ place)))

    np.testing.assert_allclose(reference.gradient_descent(grad, start, lr, steps), np.array(path), **EXACT)
    assert len(calls) == steps


@steady
@given(seed=seeds)
def test_gradient_descent_on_a_quadratic_has_a_closed_form(reference: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, lr = rng.integers(1, 4), rng.uniform(0.01, 0.3)
    root, minimum, start = rng.standard_normal((d, d)) / d, rng.standard_normal(d), rng.standard_normal(d)
    A = root @ root.T
    path = reference.gradient_descent(lambda x: A @ (x - minimum), start, lr, 7)
    shrink = np.eye(d) - lr * A
    expected = [minimum + np.linalg.matrix_power(shrink, k) @ (start - minimum) for k in range(8)]
    np.testing.assert_allclose(path, np.array(expected), **EXACT)


@steady
@given(seed=seeds)
def test_sgd_epoch_is_autograd_batch_by_batch(reference: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d, k, batch = rng.integers(1, 12), rng.integers(1, 5), rng.integers(2, 5), int(rng.integers(1, 14))
    X, y, start = rng.standard_normal((n, d)), rng.integers(0, k, n), rng.standard_normal((d, k))
    lr = rng.uniform(0.01, 1)
    W = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.SGD([W], lr=lr)
    for rows, labels in zip(torch.from_numpy(X).split(batch), torch.from_numpy(y).split(batch), strict=True):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(rows @ W, labels).backward()
        optimiser.step()
    before = start.copy()
    np.testing.assert_allclose(reference.sgd_epoch(X, y, start, lr, batch), W.detach().numpy(), **EXACT)
    np.testing.assert_array_equal(start, before)


@steady
@given(seed=seeds)
def test_sgd_epoch_survives_large_logits_of_mixed_scale(reference: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y, start = rng.standard_normal((6, 3)), rng.integers(0, 4, 6), rng.standard_normal((3, 4))
    X[::2] *= 1e4
    W = torch.tensor(start, requires_grad=True)
    torch.nn.functional.cross_entropy(torch.from_numpy(X) @ W, torch.from_numpy(y)).backward()
    expected = start - 0.1 * W.grad.numpy()
    np.testing.assert_allclose(reference.sgd_epoch(X, y, start, 0.1, 6), expected, rtol=1e-9, atol=1e-9, strict=True)


@steady
@given(seed=seeds, mu=st.sampled_from([0.0, 0.5, 0.9, 0.99]))
def test_momentum_is_torch_sgd(reference: ModuleType, seed: int, mu: float) -> None:
    rng, grads, start = recorded(seed)
    lr, x = rng.uniform(0.001, 1), torch.tensor(start)
    expected = walked(torch.optim.SGD([x], lr=lr, momentum=mu), x, grads)
    np.testing.assert_allclose(reference.momentum(grads, start, lr, mu), expected, **EXACT)


@steady
@given(seed=seeds, betas=st.sampled_from([(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)]), eps=st.sampled_from([1e-8, 0.1]))
def test_adam_is_torch_adam(reference: ModuleType, seed: int, betas: tuple[float, float], eps: float) -> None:
    rng, grads, start = recorded(seed)
    grads[rng.random(grads.shape) < 0.2] = 0.0
    lr, x = rng.uniform(0.001, 1), torch.tensor(start)
    expected = walked(torch.optim.Adam([x], lr=lr, betas=betas, eps=eps), x, grads)
    np.testing.assert_allclose(reference.adam(grads, start, lr, *betas, eps), expected, **EXACT)
