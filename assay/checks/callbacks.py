"""Functions of ours that a student's code calls back, drawn like any other argument and able to count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from assay.checks.shapes import Described
from assay.checks.show import show


@dataclass
class Quadratic:
    """The gradient x -> A x - b of f(x) = x'Ax / 2 - b'x; `asked` holds every point it was called with."""

    A: np.ndarray
    b: np.ndarray
    asked: list[np.ndarray] = field(default_factory=list)

    def __call__(self, x: Any) -> np.ndarray:
        """Gradient at x of shape (d,). Raises ValueError for any other shape."""
        if np.shape(x) != self.b.shape:
            raise ValueError(f"the gradient was asked at a point of shape {np.shape(x)}, not {self.b.shape}")
        point = np.array(x, np.float64)
        self.asked.append(point)
        return np.asarray(self.A @ point - self.b)

    def value(self, x: np.ndarray) -> float:
        """f(x)."""
        return float(x @ self.A @ x / 2 - self.b @ x)

    @property
    def minimum(self) -> np.ndarray:
        """The point where the gradient is zero."""
        return np.asarray(np.linalg.solve(self.A, self.b))

    @property
    def smoothness(self) -> float:
        """Largest eigenvalue of A: gradient descent converges for learning rates below 2 / smoothness."""
        return float(np.linalg.eigvalsh(self.A)[-1])

    def __deepcopy__(self, memo: dict[int, Any]) -> Quadratic:
        return Quadratic(self.A.copy(), self.b.copy(), [point.copy() for point in self.asked])

    def __repr__(self) -> str:
        return f"x -> A @ x - b with A = {show(self.A)}, b = {show(self.b)}".replace("\n", "")


def quadratics(dimensions: int) -> SearchStrategy[Quadratic]:
    """Gradients of convex quadratics in so many dimensions, with eigenvalues of A between about 0.5 and 4."""

    def make(seed: int) -> Quadratic:
        if seed == 0:
            return Quadratic(np.diag(1.0 + np.arange(dimensions) % 3), np.zeros(dimensions))
        rng = np.random.default_rng((seed, dimensions))
        mixing = rng.standard_normal((dimensions, dimensions)) / np.sqrt(dimensions)
        A = (0.75 * mixing @ mixing.T).round(2) + 0.5 * np.eye(dimensions)
        return Quadratic((A + A.T) / 2, rng.standard_normal(dimensions).round(2))

    return st.integers(0, 2**32 - 1).map(make)


@dataclass(frozen=True)
class _Gradient:
    """`Gradient["d"]`: annotation of a parameter that is the gradient of a function of d variables."""

    def __getitem__(self, size: str) -> Described:
        def draws(sizes: Mapping[str, int]) -> SearchStrategy[Quadratic]:
            return quadratics(int(size) if size.isdigit() else sizes[size])

        return Described(() if size.isdigit() else (size,), draws)


Gradient = _Gradient()
