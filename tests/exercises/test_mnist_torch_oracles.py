"""The reference answers of the exercise on digits against torch, and what it takes to reach the target."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from assay.checks.siblings import load, siblings

torch = pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "graders" / "mnist_torch"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    with siblings(FOLDER):
        return load(FOLDER / "reference.py")


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    with siblings(FOLDER):
        return load(FOLDER / "checks.py")


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_cross_entropy(reference: ModuleType, scale: float) -> None:
    rng = np.random.default_rng(int(scale))
    logits, labels = scale * rng.standard_normal((64, 10)), rng.integers(0, 10, 64)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
    assert reference.cross_entropy(logits, labels) == pytest.approx(expected, rel=1e-12)


def test_the_example_of_the_notebook(reference: ModuleType) -> None:
    assert reference.cross_entropy(np.zeros((3, 10)), np.array([7, 0, 2])) == pytest.approx(np.log(10))
    assert reference.cross_entropy(np.array([[np.log(3.0), 0.0]]), np.array([0])) == pytest.approx(np.log(4 / 3))
    assert reference.cross_entropy(np.array([[1000.0, 0.0]]), np.array([1])) == pytest.approx(1000.0)


def test_the_digits_are_what_the_task_says(checks: ModuleType) -> None:
    images, labels = checks.digits()
    assert images.shape[1:] == (28, 28) and images.dtype == np.float32 and images.min() >= 0 and images.max() <= 1
    assert sorted(set(labels.tolist())) == list(range(10))
    assert (checks.training.train, checks.training.held_out, checks.training.epochs) == (1500, 2000, 8)


def test_the_judge_needs_no_torch(reference: ModuleType, checks: ModuleType) -> None:
    """torch takes a second to load, and a judge has numpy alone."""
    for module in (reference, checks):
        assert not [name for name in vars(module) if name.startswith("torch")]
    for path in FOLDER.glob("*.py"):
        assert not [line for line in path.read_text().splitlines() if line.startswith(("import torch", "from torch"))]
