"""Right answers written differently. All of them must get every point."""

from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from assay.checks import alternative


@alternative(of="conv_output_size")
def by_counting(size, kernel, stride=1, padding=0, dilation=1):
    count, last = 0, dilation * (kernel - 1)
    while last < size + 2 * padding:
        count, last = count + 1, last + stride
    return count


@alternative(of="conv_output_size")
def by_range(size, kernel, stride=1, padding=0, dilation=1):
    return len(range(0, size + 2 * padding - dilation * (kernel - 1), stride))


@alternative(of="conv_output_size")
def by_recursion(size, kernel, stride=1, padding=0, dilation=1):
    if padding:
        return by_recursion(size + 2 * padding, kernel, stride, 0, dilation)
    covered = dilation * (kernel - 1) + 1
    return 0 if size < covered else 1 + by_recursion(size - stride, kernel, stride, 0, dilation)


@alternative(of="conv_output_size")
def by_numpy_floor(size, kernel, stride=1, padding=0, dilation=1):
    return int(np.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1))


@alternative(of="conv_output_size")
def by_numpy_integers(size, kernel, stride=1, padding=0, dilation=1):
    return np.int64(size + 2 * padding - dilation * (kernel - 1) + stride - 1) // stride


@alternative(of="conv2d")
def by_seven_loops(x, w, b, stride=1, padding=0, dilation=1):
    (images, channels, height, width), (filters, _, rows, columns) = x.shape, w.shape
    out_height = by_counting(height, rows, stride, padding, dilation)
    out_width = by_counting(width, columns, stride, padding, dilation)
    y = np.zeros((images, filters, out_height, out_width))
    for n, f, i, j in np.ndindex(y.shape):
        total = b[f]
        for c, u, v in product(range(channels), range(rows), range(columns)):
            row, column = i * stride + u * dilation - padding, j * stride + v * dilation - padding
            if 0 <= row < height and 0 <= column < width:
                total += w[f, c, u, v] * x[n, c, row, column]
        y[n, f, i, j] = total
    return y


@alternative(of="conv2d")
def by_four_loops(x, w, b, stride=1, padding=0, dilation=1):
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    rows, columns = dilation * (w.shape[2] - 1) + 1, dilation * (w.shape[3] - 1) + 1
    images = []
    for image in x:
        maps = []
        for kernel, bias in zip(w, b, strict=True):
            lines = []
            for top in range(0, image.shape[1] - rows + 1, stride):
                line = []
                for left in range(0, image.shape[2] - columns + 1, stride):
                    seen = image[:, top : top + rows : dilation, left : left + columns : dilation]
                    line.append(np.sum(seen * kernel) + bias)
                lines.append(line)
            maps.append(lines)
        images.append(maps)
    return np.array(images)


@alternative(of="conv2d")
def by_image_to_columns(x, w, b, stride=1, padding=0, dilation=1):
    columns, height, width = _columns(x, w.shape[2:], stride, padding, dilation)
    y = w.reshape(len(w), -1) @ columns + b[:, None]
    return y.reshape(len(x), len(w), height, width)


@alternative(of="conv2d")
def by_shifting_and_adding(x, w, b, stride=1, padding=0, dilation=1):
    height, width = (by_range(x.shape[a], w.shape[a], stride, padding, dilation) for a in (2, 3))
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    y = np.tile(b[None, :, None, None], (len(x), 1, height, width))
    for u, v in product(range(w.shape[2]), range(w.shape[3])):
        shifted = x[:, :, u * dilation :, v * dilation :][:, :, ::stride, ::stride][:, :, :height, :width]
        y += np.einsum("nchw,fc->nfhw", shifted, w[:, :, u, v])
    return y


@alternative(of="conv2d")
def by_tensordot(x, w, b, stride=1, padding=0, dilation=1):
    spread = np.zeros((*w.shape[:2], dilation * (w.shape[2] - 1) + 1, dilation * (w.shape[3] - 1) + 1))
    spread[:, :, ::dilation, ::dilation] = w
    padded = np.zeros((*x.shape[:2], x.shape[2] + 2 * padding, x.shape[3] + 2 * padding))
    padded[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]] = x
    windows = sliding_window_view(padded, spread.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.moveaxis(np.tensordot(windows, spread, axes=([1, 4, 5], [1, 2, 3])), 3, 1) + b.reshape(1, -1, 1, 1)


@alternative(of="conv2d")
def by_recursion_over_filters(x, w, b, stride=1, padding=0, dilation=1):
    if len(w) > 1:
        parts = [
            by_recursion_over_filters(x, w[f : f + 1], b[f : f + 1], stride, padding, dilation) for f in range(len(w))
        ]
        return np.concatenate(parts, axis=1)
    if stride > 1:
        return by_recursion_over_filters(x, w, b, 1, padding, dilation)[:, :, ::stride, ::stride]
    return by_shifting_and_adding(x, w, b, 1, padding, dilation)


@alternative(of="conv2d_backward")
def by_scattering(dout, x, w, stride, padding):
    pads = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
    padded = np.pad(x, pads)
    dx, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros(len(w))
    rows, columns = w.shape[2:]
    for n, f, i, j in np.ndindex(dout.shape):
        place = np.s_[n, :, i * stride : i * stride + rows, j * stride : j * stride + columns]
        dx[place] += dout[n, f, i, j] * w[f]
        dw[f] += dout[n, f, i, j] * padded[place]
        db[f] += dout[n, f, i, j]
    return dx[:, :, padding : dx.shape[2] - padding, padding : dx.shape[3] - padding], dw, db


@alternative(of="conv2d_backward")
def by_columns_and_back(dout, x, w, stride, padding):
    columns, _, _ = _columns(x, w.shape[2:], stride, padding, 1)
    flat = dout.reshape(*dout.shape[:2], -1)
    dw = np.sum(flat @ columns.swapaxes(1, 2), axis=0).reshape(w.shape)
    spread = w.reshape(len(w), -1).T @ flat
    canvas = np.zeros((*x.shape[:2], x.shape[2] + 2 * padding, x.shape[3] + 2 * padding))
    places = _places(canvas.shape[2:], w.shape[2:], stride, 1)[0]
    flat_canvas = canvas.reshape(len(x), x.shape[1], -1)
    for image, values in zip(flat_canvas, spread.reshape(len(x), x.shape[1], *places.shape), strict=True):
        np.add.at(image, (slice(None), places), values)
    dx = canvas[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return dx, dw, flat.sum(axis=(0, 2))


@alternative(of="conv2d_backward")
def by_convolutions(dout, x, w, stride, padding):
    """Both gradients are convolutions of dout with gaps of stride - 1 zeros between its pixels."""
    reach = [n + 2 * padding - k + 1 for n, k in zip(x.shape[2:], w.shape[2:], strict=True)]
    sparse = np.zeros((*dout.shape[:2], *reach))
    sparse[:, :, ::stride, ::stride] = dout
    turned = w[:, :, ::-1, ::-1].swapaxes(0, 1)
    margins = [(0, 0), (0, 0), *((k - 1, k - 1) for k in w.shape[2:])]
    dx = by_tensordot(np.pad(sparse, margins), turned, np.zeros(x.shape[1]))
    if padding:
        dx = dx[:, :, padding:-padding, padding:-padding]
    dw = by_tensordot(x.swapaxes(0, 1), sparse.swapaxes(0, 1), np.zeros(len(w)), 1, padding).swapaxes(0, 1)
    return dx, dw, dout.sum(axis=3).sum(axis=2).sum(axis=0)


@alternative(of="conv2d_backward")
def by_entries_of_the_kernel(dout, x, w, stride, padding):
    height, width = dout.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
    for u, v in product(range(w.shape[2]), range(w.shape[3])):
        rows, columns = u + stride * np.arange(height), v + stride * np.arange(width)
        seen = np.ix_(range(len(x)), range(x.shape[1]), rows, columns)
        dw[:, :, u, v] = np.einsum("nfij,ncij->fc", dout, padded[seen])
        dpadded[seen] += np.einsum("nfij,fc->ncij", dout, w[:, :, u, v])
    inside = slice(padding, -padding or None)
    return [dpadded[:, :, inside, inside], dw, np.einsum("nfij->f", dout)]


@alternative(of="max_pool2d")
def pooled_by_loops(x, k, stride):
    height, width = (by_counting(n, k, stride) for n in x.shape[2:])
    y = np.empty((*x.shape[:2], height, width))
    for n, c, i, j in np.ndindex(y.shape):
        largest = x[n, c, i * stride, j * stride]
        for u, v in product(range(k), range(k)):
            largest = max(largest, x[n, c, i * stride + u, j * stride + v])
        y[n, c, i, j] = largest
    return y


@alternative(of="max_pool2d")
def pooled_by_windows(x, k, stride):
    y = np.full((*x.shape[:2], by_range(x.shape[2], k, stride), by_range(x.shape[3], k, stride)), -np.inf)
    for i, j in np.ndindex(y.shape[2:]):
        y[:, :, i, j] = x[:, :, i * stride : i * stride + k, j * stride : j * stride + k].max(axis=(2, 3))
    return y


@alternative(of="max_pool2d")
def pooled_by_shifting(x, k, stride):
    height, width = (by_range(n, k, stride) for n in x.shape[2:])
    shifted = [x[:, :, u:, v:][:, :, ::stride, ::stride][:, :, :height, :width] for u in range(k) for v in range(k)]
    return np.maximum.reduce(shifted)


@alternative(of="max_pool2d")
def pooled_along_one_axis_at_a_time(x, k, stride):
    x = sliding_window_view(x, k, axis=2)[:, :, ::stride].max(axis=-1)
    return sliding_window_view(x, k, axis=3)[:, :, :, ::stride].max(axis=-1)


@alternative(of="max_pool2d")
def pooled_by_sorting(x, k, stride):
    windows = sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.sort(windows.reshape(*windows.shape[:4], -1), axis=-1)[..., -1]


def _places(size, kernel, stride, dilation):
    """Flat indices of the pixels that each entry of the kernel meets, [kh kw, H' W'], and (H', W')."""
    height, width = (by_range(n, k, stride, 0, dilation) for n, k in zip(size, kernel, strict=True))
    rows = dilation * np.arange(kernel[0])[:, None, None, None] + stride * np.arange(height)[:, None]
    columns = dilation * np.arange(kernel[1])[:, None, None] + stride * np.arange(width)
    return (rows * size[1] + columns).reshape(kernel[0] * kernel[1], height * width), (height, width)


def _columns(x, kernel, stride, padding, dilation):
    """Every window of each image as a column, [N, C kh kw, H' W']."""
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    places, size = _places(x.shape[2:], kernel, stride, dilation)
    return x.reshape(*x.shape[:2], -1)[:, :, places].reshape(len(x), -1, places.shape[1]), *size
