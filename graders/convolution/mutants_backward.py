"""Wrong answers to conv2d_backward."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from assay.checks import mutant


def _pad(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def _backward(dout, x, w, stride, padding):
    windows = sliding_window_view(_pad(x, padding), w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    dw = np.einsum("nfij,ncijuv->fcuv", dout, windows)
    return _scatter(dout, x, w, (stride, stride), padding), dw, dout.sum(axis=(0, 2, 3))


def _scatter(dout, x, w, strides, padding):
    """dx: every output pixel sends its gradient back to its window."""
    canvas = _pad(np.zeros_like(x), padding)
    for i, j in np.ndindex(dout.shape[2:]):
        top, left = i * strides[0], j * strides[1]
        window = canvas[:, :, top : top + w.shape[2], left : left + w.shape[3]]
        window += np.einsum("nf,fcuv->ncuv", dout[:, :, i, j], w)
    return canvas[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]


@mutant(of="conv2d_backward", says="dw is that of the last image only: write += where images of the batch meet.")
def dw_of_the_last_image(dout, x, w, stride, padding):
    dx, _, db = _backward(dout, x, w, stride, padding)
    return dx, _backward(dout[-1:], x[-1:], w, stride, padding)[1], db


@mutant(
    of="conv2d_backward", says="You divide dw by the number of images. The loss has already done that, if it wants to."
)
def dw_mean_of_the_batch(dout, x, w, stride, padding):
    dx, dw, db = _backward(dout, x, w, stride, padding)
    return dx, dw / len(x), db


@mutant(of="conv2d_backward", says="dw is turned by 180 degrees.")
def dw_flipped(dout, x, w, stride, padding):
    dx, dw, db = _backward(dout, x, w, stride, padding)
    return dx, dw[:, :, ::-1, ::-1], db


@mutant(
    of="conv2d_backward", says="For dw you forget the stride: output pixel i looked at the rows from i * stride on."
)
def dw_without_stride(dout, x, w, stride, padding):
    dx, _, db = _backward(dout, x, w, stride, padding)
    windows = sliding_window_view(_pad(x, padding), w.shape[2:], axis=(2, 3))
    windows = windows[:, :, : dout.shape[2], : dout.shape[3]]
    return dx, np.einsum("nfij,ncijuv->fcuv", dout, windows), db


@mutant(of="conv2d_backward", says="For dw you forget the padding: the kernel looked at the padded image.")
def dw_without_padding(dout, x, w, stride, padding):
    dx, _, db = _backward(dout, x, w, stride, padding)
    shifted = np.pad(x, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding)))
    return dx, _backward(dout, shifted, w, stride, 0)[1], db


@mutant(of="conv2d_backward", says="db is a mean. The bias is added to every output pixel, so its gradient is the sum.")
def db_mean(dout, x, w, stride, padding):
    dx, dw, db = _backward(dout, x, w, stride, padding)
    return dx, dw, dout.mean(axis=(0, 2, 3))


@mutant(of="conv2d_backward", says="db still has an axis for the images. One bias serves them all, so sum over it.")
def db_for_each_image(dout, x, w, stride, padding):
    dx, dw, db = _backward(dout, x, w, stride, padding)
    return dx, dw, dout.sum(axis=(2, 3))


@mutant(of="conv2d_backward", says="dx still has the padding: cut it off.")
def dx_not_cropped(dout, x, w, stride, padding):
    _, dw, db = _backward(dout, x, w, stride, padding)
    return _scatter(dout, _pad(x, padding), w, (stride, stride), 0), dw, db


@mutant(of="conv2d_backward", says="You cut both margins of the padding off at the end. One of them is at the start.")
def dx_cropped_at_the_end(dout, x, w, stride, padding):
    _, dw, db = _backward(dout, x, w, stride, padding)
    dx = _scatter(dout, _pad(x, padding), w, (stride, stride), 0)
    return dx[:, :, : x.shape[2], : x.shape[3]], dw, db


@mutant(
    of="conv2d_backward", says="Your kernel is flipped in dx: flip it when you correlate, leave it when you scatter."
)
def dx_kernel_flipped(dout, x, w, stride, padding):
    _, dw, db = _backward(dout, x, w, stride, padding)
    return _scatter(dout, x, w[:, :, ::-1, ::-1], (stride, stride), padding), dw, db


@mutant(of="conv2d_backward", says="In dx, where windows overlap, the last one wins. Add them up with +=.")
def dx_overwritten(dout, x, w, stride, padding):
    _, dw, db = _backward(dout, x, w, stride, padding)
    canvas = _pad(np.zeros_like(x), padding)
    for i, j in np.ndindex(dout.shape[2:]):
        top, left = i * stride, j * stride
        canvas[:, :, top : top + w.shape[2], left : left + w.shape[3]] = np.tensordot(dout[:, :, i, j], w, 1)
    return canvas[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], dw, db


@mutant(of="conv2d_backward", says="dx is that of the last filter only. Every filter looked at x, so sum over them.")
def dx_of_the_last_filter(dout, x, w, stride, padding):
    _, dw, db = _backward(dout, x, w, stride, padding)
    return _scatter(dout[:, -1:], x, w[-1:], (stride, stride), padding), dw, db


@mutant(
    of="conv2d_backward", says="In dx you forget the stride: output pixel i goes back to the rows from i * stride on."
)
def dx_without_stride(dout, x, w, stride, padding):
    _, dw, db = _backward(dout, x, w, stride, padding)
    return _scatter(dout, x, w, (1, 1), padding), dw, db


@mutant(of="conv2d_backward", says="Where the stride leaves rows of x over, dx is too small. Their gradient is 0.")
def dx_without_the_rest(dout, x, w, stride, padding):
    dx, dw, db = _backward(dout, x, w, stride, padding)
    height, width = (stride * (n - 1) + k for n, k in zip(dout.shape[2:], w.shape[2:], strict=True))
    return dx[:, :, : height - padding, : width - padding], dw, db


@mutant(
    of="conv2d_backward", says="You forget dout: the gradients are right only for a loss that is the sum of the output."
)
def upstream_ignored(dout, x, w, stride, padding):
    return _backward(np.ones_like(dout), x, w, stride, padding)


@mutant(of="conv2d_backward", says="The order is (dx, dw, db).")
def order_of_the_gradients(dout, x, w, stride, padding):
    dx, dw, db = _backward(dout, x, w, stride, padding)
    return dw, dx, db


@mutant(of="conv2d_backward", says="You flip the kernel inside the array that you were given. Work on a copy.")
def kernel_flipped_for_good(dout, x, w, stride, padding):
    gradients = _backward(dout, x, w, stride, padding)
    w[:] = w[:, :, ::-1, ::-1].copy()
    return gradients
