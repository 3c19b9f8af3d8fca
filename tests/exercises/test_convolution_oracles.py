"""The reference answers of the exercise on convolution against torch, which the judge itself never imports."""

from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from assay.checks.siblings import load, siblings

torch = pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "graders" / "convolution"
SETTINGS = list(product((1, 2, 3), (0, 1, 2), (1, 2)))  # stride, padding, dilation
SHAPES = [((2, 3, 7, 6), (4, 3, 3, 2)), ((1, 1, 5, 8), (2, 1, 1, 4)), ((3, 2, 6, 6), (1, 2, 2, 2))]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    with siblings(FOLDER):
        return load(FOLDER / "reference.py")


def drawn(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(len(shapes) + sum(map(sum, shapes)))
    return [rng.standard_normal(shape) for shape in shapes]


@pytest.mark.parametrize(("stride", "padding", "dilation"), SETTINGS)
@pytest.mark.parametrize(("image", "kernel"), SHAPES)
def test_conv2d_is_that_of_torch(
    reference: ModuleType, image: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: int, dilation: int
) -> None:
    x, w, b = drawn(image, kernel, kernel[:1])
    expected = torch.nn.functional.conv2d(*map(torch.from_numpy, (x, w, b)), stride, padding, dilation).numpy()
    got = reference.conv2d(x, w, b, stride, padding, dilation)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12, strict=True)
    for axis in (2, 3):
        size = reference.conv_output_size(image[axis], kernel[axis], stride, padding, dilation)
        assert type(size) is int
        assert size == expected.shape[axis]


@pytest.mark.parametrize(("stride", "padding"), list(product((1, 2, 3), (0, 1, 2))))
@pytest.mark.parametrize(("image", "kernel"), SHAPES)
def test_conv2d_backward_is_that_of_autograd(
    reference: ModuleType, image: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: int
) -> None:
    x, w, b = drawn(image, kernel, kernel[:1])
    variables = [torch.from_numpy(array).requires_grad_() for array in (x, w, b)]
    y = torch.nn.functional.conv2d(*variables, stride, padding)
    (dout,) = drawn(tuple(y.shape))
    y.backward(torch.from_numpy(dout))
    got = reference.conv2d_backward(dout, x, w, stride, padding)
    for array, variable in zip(got, variables, strict=True):
        np.testing.assert_allclose(array, variable.grad.numpy(), rtol=1e-11, atol=1e-11, strict=True)


@pytest.mark.parametrize(("k", "stride"), list(product((1, 2, 3), (1, 2, 3, 4))))
@pytest.mark.parametrize("image", [(2, 3, 7, 6), (1, 1, 3, 9), (2, 2, 8, 8)])
def test_max_pool2d_is_that_of_torch(reference: ModuleType, image: tuple[int, ...], k: int, stride: int) -> None:
    (x,) = drawn(image)
    for pixels in (x, x - 10):  # all negative, too
        expected = torch.nn.functional.max_pool2d(torch.from_numpy(pixels), k, stride).numpy()
        np.testing.assert_array_equal(reference.max_pool2d(pixels, k, stride), expected, strict=True)


def test_the_x_has_the_response_that_the_notebook_prints(reference: ModuleType) -> None:
    cross = -np.ones((9, 9))
    cross[range(1, 8), range(1, 8)] = cross[range(1, 8), range(7, 0, -1)] = 1
    response = reference.conv2d(cross[None, None], (2 * np.eye(3) - 1)[None, None] / 9, np.zeros(1))[0, 0]
    ninths = [[7, -1, 1, 3, 5, -1, 3], [-1, 9, -1, 3, -1, 1, -1], [1, -1, 9, -3, 1, -1, 5]]
    np.testing.assert_allclose(9 * response[:3], ninths, rtol=1e-12)


def test_the_x_is_blind_to_flips_and_its_twin_is_not(reference: ModuleType) -> None:
    cross = np.maximum(np.eye(9), np.eye(9)[::-1])[None, None]
    stroke, lopsided = np.eye(3)[None, None], np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    ramp = np.arange(1.0, 21.0).reshape(1, 1, 4, 5)
    for turn in (lambda w: w[:, :, ::-1, ::-1], lambda w: w.swapaxes(2, 3)):
        blind = reference.conv2d(cross, turn(stroke), np.zeros(1))
        np.testing.assert_array_equal(blind, reference.conv2d(cross, stroke, np.zeros(1)))
        seen = reference.conv2d(ramp, turn(lopsided), np.zeros(1))
        assert not np.isclose(seen, reference.conv2d(ramp, lopsided, np.zeros(1))).any()
