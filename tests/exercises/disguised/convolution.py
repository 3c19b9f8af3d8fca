"""Known mistakes in convolution and pooling, in other words: written from the sentence of each, not from its code."""

import math

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import convolve2d

from tests.support.diagnosis import disguise

# ---- conv_output_size ------------------------------------------------------------------------------------------


@disguise("conv_output_size", "plus_one_forgotten")
def steps_counted(size, kernel, stride=1, padding=0, dilation=1):
    covered = dilation * (kernel - 1) + 1
    return math.floor((size + padding * 2 - covered) / stride)


@disguise("conv_output_size", "padding_once")
def padding_added(size, kernel, stride=1, padding=0, dilation=1):
    return (
        len(range(0, size + padding - dilation * (kernel - 1), stride))
        if size + padding > dilation * (kernel - 1)
        else (size + padding - dilation * (kernel - 1) - 1) // stride + 1
    )


@disguise("conv_output_size", "rounded_up")
def a_last_step_that_sticks_out(size, kernel, stride=1, padding=0, dilation=1):
    way = size + 2 * padding - (1 + (kernel - 1) * dilation)
    return 1 + way // stride + (way % stride > 0)


@disguise("conv_output_size", "true_division")
def divided_with_a_slash(size, kernel, stride=1, padding=0, dilation=1):
    return 1 + (size - 1 + 2 * padding - dilation * kernel + dilation) / stride


@disguise("conv_output_size", "floor_as_float")
def floored_by_numpy(size, kernel, stride=1, padding=0, dilation=1):
    return np.floor((2 * padding + size - dilation * (kernel - 1) - 1) / stride + 1)


@disguise("conv_output_size", "dilation_times_kernel")
def as_many_gaps_as_entries(size, kernel, stride=1, padding=0, dilation=1):
    way = size + 2 * padding - kernel * dilation
    return int(math.floor(way / stride)) + 1


# ---- conv2d ----------------------------------------------------------------------------------------------------


def looped(x, w, b, stride, padding, dilation, *, value=0.0, columns=None):
    """A right convolution with four loops; `columns` is the stride along the columns."""
    columns = columns or stride
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)], constant_values=value)
    height = (x.shape[2] - dilation * (w.shape[2] - 1) - 1) // stride + 1
    width = (x.shape[3] - dilation * (w.shape[3] - 1) - 1) // columns + 1
    out = np.zeros((len(x), len(w), height, width))
    for n in range(len(x)):
        for f in range(len(w)):
            for i in range(height):
                for j in range(width):
                    top, left = i * stride, j * columns
                    seen = x[n, :, top : top + dilation * w.shape[2] : dilation, left:]
                    seen = seen[:, :, : dilation * w.shape[3] : dilation][:, : w.shape[2], : w.shape[3]]
                    out[n, f, i, j] = np.sum(seen * w[f]) + b[f]
    return out


@disguise("conv2d", "kernel_flipped")
def by_scipy(x, w, b, stride=1, padding=0, dilation=1):
    spread = np.zeros((*w.shape[:2], *(dilation * (k - 1) + 1 for k in w.shape[2:])))
    spread[:, :, ::dilation, ::dilation] = w
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    y = [[sum(convolve2d(c, k, "valid") for c, k in zip(i, f, strict=True)) for f in spread] for i in x]
    return np.array(y)[:, :, ::stride, ::stride] + b.reshape(1, -1, 1, 1)


@disguise("conv2d", "bias_forgotten")
def by_torch_without_bias(x, w, b, stride=1, padding=0, dilation=1):
    y = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w), None, stride, padding, dilation)
    return y.numpy()


@disguise("conv2d", "bias_for_each_channel")
def bias_inside_the_loop(x, w, b, stride=1, padding=0, dilation=1):
    channels = [looped(x[:, c : c + 1], w[:, c : c + 1], b, stride, padding, dilation) for c in range(x.shape[1])]
    return sum(channels[1:], channels[0])


@disguise("conv2d", "padding_with_ones")
def white_border(x, w, b, stride=1, padding=0, dilation=1):
    return looped(x, w, b, stride, padding, dilation, value=1.0)


@disguise("conv2d", "stride_of_rows_only")
def every_column(x, w, b, stride=1, padding=0, dilation=1):
    return looped(x, w, b, stride, padding, dilation, columns=1)


@disguise("conv2d", "padding_with_the_border")
def replicated(x, w, b, stride=1, padding=0, dilation=1):
    x = torch.nn.functional.pad(torch.tensor(x), (padding,) * 4, mode="replicate")
    return torch.nn.functional.conv2d(x, torch.tensor(w), torch.tensor(b), stride, 0, dilation).numpy()


@disguise("conv2d", "dilation_ignored")
def windows_without_gaps(x, w, b, stride=1, padding=0, dilation=1):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    patches = sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.moveaxis(np.tensordot(patches, w, axes=((1, 4, 5), (1, 2, 3))), 3, 1) + b[:, None, None]


@disguise("conv2d", "mean_of_products")
def averages(x, w, b, stride=1, padding=0, dilation=1):
    entries = w.shape[2] * w.shape[3]
    return looped(x, w, b * entries, stride, padding, dilation) / entries


# ---- max_pool2d ------------------------------------------------------------------------------------------------


def pooled(x, k, stride, largest):
    rows, columns = ((n - k) // stride + 1 for n in x.shape[2:])
    out = np.empty((*x.shape[:2], rows, columns))
    for n, c, i, j in np.ndindex(out.shape):
        out[n, c, i, j] = largest(x[n, c, i * stride : i * stride + k, j * stride : j * stride + k])
    return out


@disguise("max_pool2d", "starts_at_zero")
def compared_with_zero(x, k, stride):
    def largest(window):
        best = 0.0
        for row in window:
            for pixel in row:
                if pixel > best:
                    best = pixel
        return best

    return pooled(x, k, stride, largest)


@disguise("max_pool2d", "mean_pooling")
def by_torch_on_average(x, k, stride):
    return torch.nn.functional.avg_pool2d(torch.tensor(x), k, stride).numpy()


@disguise("max_pool2d", "border_windows_kept")
def divided_and_rounded_up(x, k, stride):
    rows, columns = (math.ceil((n - k) / stride) + 1 for n in x.shape[2:])
    out = np.empty((*x.shape[:2], rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = x[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
            out[:, :, i, j] = window.max(axis=(2, 3)) if window.size else -np.inf
    return out


@disguise("max_pool2d", "stride_is_the_window")
def by_torch_with_its_default(x, k, stride):
    return torch.nn.functional.max_pool2d(torch.tensor(x), k).numpy()


@disguise("max_pool2d", "first_pixel")
def every_so_many(x, k, stride):
    return pooled(x, k, stride, lambda window: window[0, 0])


@disguise("max_pool2d", "across_channels")
def brightest_channel(x, k, stride):
    first = pooled(x, k, stride, np.max).max(axis=1)
    return np.stack([first] * x.shape[1], axis=1)


# ---- conv2d_backward -------------------------------------------------------------------------------------------


def by_autograd(dout, x, w, stride, padding):
    """The right gradients."""
    x, w = torch.tensor(x, requires_grad=True), torch.tensor(w, requires_grad=True)
    b = torch.zeros(len(w), dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.conv2d(x, w, b, stride, padding)
    return tuple(part.numpy() for part in torch.autograd.grad(y, (x, w, b), torch.tensor(dout)))


@disguise("conv2d_backward", "dw_mean_of_the_batch")
def kernel_gradient_averaged(dout, x, w, stride, padding):
    dx, _, db = by_autograd(dout, x, w, stride, padding)
    alone = [by_autograd(dout[n : n + 1], x[n : n + 1], w, stride, padding)[1] for n in range(len(x))]
    return dx, np.mean(alone, axis=0), db


@disguise("conv2d_backward", "upstream_ignored")
def gradients_of_the_sum(dout, x, w, stride, padding):
    return by_autograd(dout * 0 + 1, x, w, stride, padding)


@disguise("conv2d_backward", "db_mean")
def bias_gradient_averaged(dout, x, w, stride, padding):
    dx, dw, db = by_autograd(dout, x, w, stride, padding)
    n, _, rows, columns = dout.shape
    return [dx, dw, db / (n * rows * columns)]


@disguise("conv2d_backward", "dx_kernel_flipped")
def flipped_and_scattered(dout, x, w, stride, padding):
    _, dw, db = by_autograd(dout, x, w, stride, padding)
    return by_autograd(dout, x, np.flip(w, (2, 3)).copy(), stride, padding)[0], dw, db


@disguise("conv2d_backward", "dx_overwritten")
def assigned_in_loops(dout, x, w, stride, padding):
    _, dw, db = by_autograd(dout, x, w, stride, padding)
    canvas = np.zeros((x.shape[0], x.shape[1], x.shape[2] + 2 * padding, x.shape[3] + 2 * padding))
    for n in range(dout.shape[0]):
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                patch = sum(dout[n, f, i, j] * w[f] for f in range(len(w)))
                rows, columns = slice(i * stride, i * stride + w.shape[2]), slice(j * stride, j * stride + w.shape[3])
                canvas[n, :, rows, columns] = patch
    ends = [size + padding for size in x.shape[2:]]
    return canvas[:, :, padding : ends[0], padding : ends[1]], dw, db


@disguise("conv2d_backward", "order_of_the_gradients")
def kernel_first(dout, x, w, stride, padding):
    dx, dw, db = by_autograd(dout, x, w, stride, padding)
    return {"w": dw, "x": dx, "b": db}["w"], dx, db
