"""Wrong answers to max_pool2d."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from assay.checks import mutant


def _windows(x, k, strides):
    """[N, C, H', W', k k]"""
    windows = sliding_window_view(x, (k, k), axis=(2, 3))[:, :, :: strides[0], :: strides[1]]
    return windows.reshape(*windows.shape[:4], k * k)


@mutant(
    of="max_pool2d", says="Your maximum starts at 0, so negative windows give 0. Start at the window's first pixel."
)
def starts_at_zero(x, k, stride):
    return np.maximum(_windows(x, k, (stride, stride)).max(axis=-1), 0)


@mutant(of="max_pool2d", says="Your maximum starts at -100. A window may be darker still: start at its first pixel.")
def starts_at_minus_hundred(x, k, stride):
    return np.maximum(_windows(x, k, (stride, stride)).max(axis=-1), -100)


@mutant(of="max_pool2d", says="This is the mean of the window.")
def mean_pooling(x, k, stride):
    return _windows(x, k, (stride, stride)).mean(axis=-1)


@mutant(of="max_pool2d", says="This is the minimum of the window.")
def minimum_pooling(x, k, stride):
    return _windows(x, k, (stride, stride)).min(axis=-1)


@mutant(of="max_pool2d", says="You look for the largest absolute value. -9 is smaller than 1.")
def largest_magnitude(x, k, stride):
    windows = _windows(x, k, (stride, stride))
    return np.take_along_axis(windows, np.abs(windows).argmax(axis=-1)[..., None], axis=-1)[..., 0]


@mutant(of="max_pool2d", says="You take the first pixel of each window, not the largest one.")
def first_pixel(x, k, stride):
    return _windows(x, k, (stride, stride))[..., 0]


@mutant(of="max_pool2d", says="Your windows are one row high.")
def one_row_high(x, k, stride):
    return _windows(x, k, (stride, stride))[..., :k].max(axis=-1)


@mutant(of="max_pool2d", says="You step by the size of the window. Step by the stride.")
def stride_is_the_window(x, k, stride):
    return _windows(x, k, (k, k)).max(axis=-1)


@mutant(of="max_pool2d", says="Your windows are as large as the stride. Their size is k.")
def window_is_the_stride(x, k, stride):
    return _windows(x, stride, (stride, stride)).max(axis=-1)


@mutant(of="max_pool2d", says="You step by one pixel. Step by the stride.")
def stride_forgotten(x, k, stride):
    return _windows(x, k, (1, 1)).max(axis=-1)


@mutant(of="max_pool2d", says="The stride is applied to the rows only; the columns need it too.")
def rows_stride_only(x, k, stride):
    return _windows(x, k, (stride, 1)).max(axis=-1)


@mutant(of="max_pool2d", says="You keep windows that reach over the border. Drop them: round the output size down.")
def border_windows_kept(x, k, stride):
    rest = [(0, -(n - k) % stride) for n in x.shape[2:]]
    return _windows(np.pad(x, [(0, 0), (0, 0), *rest], constant_values=-np.inf), k, (stride, stride)).max(axis=-1)


@mutant(of="max_pool2d", says="The last row and the last column of windows are missing.")
def last_windows_missing(x, k, stride):
    return _windows(x, k, (stride, stride)).max(axis=-1)[:, :, :-1, :-1]


@mutant(of="max_pool2d", says="You take the maximum over the channels too. Each channel is pooled on its own.")
def across_channels(x, k, stride):
    return _windows(np.broadcast_to(x.max(axis=1, keepdims=True), x.shape), k, (stride, stride)).max(axis=-1)


@mutant(of="max_pool2d", says="Height and width of the output are swapped.")
def output_transposed(x, k, stride):
    return _windows(x, k, (stride, stride)).max(axis=-1).swapaxes(2, 3)


@mutant(of="max_pool2d", says="Your output has dtype float32. Keep the dtype of the input, float64.")
def pooled_in_single_precision(x, k, stride):
    return _windows(x, k, (stride, stride)).max(axis=-1).astype(np.float32)


@mutant(of="max_pool2d", says="You shift the image inside the array that you were given. Work on a copy.")
def shifted_in_place(x, k, stride):
    lowest = x.min()
    x -= lowest
    return np.maximum(_windows(x, k, (stride, stride)).max(axis=-1), 0) + lowest
