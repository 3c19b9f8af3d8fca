"""Right answers: convolution in two dimensions, its gradients, and max pooling."""

from numpy.lib.stride_tricks import sliding_window_view

from assay.checks import *


def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Number of positions of a kernel along one axis: floor((n + 2p - d(k - 1) - 1) / s) + 1."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def conv2d(
    x: Float["n c height width"],
    w: Float["f c rows columns"],
    b: Float["f"],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Float["n f i j"]:
    """Slide the kernels over the images (cross-correlation, zeros outside the image) and add the biases."""
    windows = _windows(x, w.shape[2:], stride, padding, dilation)
    return np.einsum("ncijuv,fcuv->nfij", windows, w) + b[:, None, None]


def conv2d_backward(
    dout: Float["n f i j"],
    x: Float["n c height width"],
    w: Float["f c rows columns"],
    stride: int,
    padding: int,
) -> tuple[Float["n c height width"], Float["f c rows columns"], Float["f"]]:
    """Gradients (dx, dw, db) of a loss whose gradient with respect to conv2d(x, w, b, stride, padding) is dout."""
    windows = _windows(x, w.shape[2:], stride, padding, 1)
    dw = np.einsum("nfij,ncijuv->fcuv", dout, windows)
    (height, width), (rows, columns) = x.shape[2:], dout.shape[2:]
    canvas = np.zeros((*x.shape[:2], height + 2 * padding, width + 2 * padding))
    for u, v in np.ndindex(w.shape[2:]):
        reached = canvas[:, :, u : u + stride * rows : stride, v : v + stride * columns : stride]
        reached += np.einsum("nfij,fc->ncij", dout, w[:, :, u, v])
    dx = canvas[:, :, padding : padding + height, padding : padding + width]
    return dx, dw, dout.sum(axis=(0, 2, 3))


def max_pool2d(x: Float["n c height width"], k: int, stride: int) -> Float["n c i j"]:
    """Largest value in each k x k window; windows that would leave the image are dropped."""
    return _windows(x, (k, k), stride, 0, 1).max(axis=(4, 5))


def _windows(x, kernel, stride, padding, dilation):
    """What the kernel sees at each of its positions, [N, C, H', W', kh, kw]."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    extent = tuple(dilation * (length - 1) + 1 for length in kernel)
    windows = sliding_window_view(x, extent, axis=(2, 3))
    return windows[:, :, ::stride, ::stride, ::dilation, ::dilation]
