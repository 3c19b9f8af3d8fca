"""Wrong answers to conv2d."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from assay.checks import mutant


def _pad(x, padding, **how):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), **how)


def _slide(x, w, strides=(1, 1), dilations=(1, 1)):
    """Sums of products at every position, without padding and bias."""
    extent = [d * (k - 1) + 1 for d, k in zip(dilations, w.shape[2:], strict=True)]
    windows = sliding_window_view(x, extent, axis=(2, 3))
    windows = windows[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]
    return np.einsum("ncijuv,fcuv->nfij", windows, w)


def _conv(x, w, b, stride=1, padding=0, dilation=1):
    return _slide(_pad(x, padding), w, (stride, stride), (dilation, dilation)) + b[:, None, None]


@mutant(of="conv2d", says="You turned the kernel by 180 degrees, as in signal processing. Here it is not flipped.")
def kernel_flipped(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w[:, :, ::-1, ::-1], b, stride, padding, dilation)


@mutant(of="conv2d", says="Rows and columns of the kernel are swapped.")
def kernel_transposed(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w.swapaxes(2, 3), b, stride, padding, dilation)


@mutant(of="conv2d", says="The bias is missing.")
def bias_forgotten(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, 0 * b, stride, padding, dilation)


@mutant(of="conv2d", says="You add the bias once for each entry of the kernel. Add it once to each output pixel.")
def bias_for_each_entry(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b * w[0, 0].size, stride, padding, dilation)


@mutant(of="conv2d", says="You add the bias inside the loop over channels. Add it once to each output pixel.")
def bias_for_each_channel(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b * x.shape[1], stride, padding, dilation)


@mutant(of="conv2d", says="Your bias is a channel of ones that you then pad with zeros, so it fades at the border.")
def bias_padded_away(x, w, b, stride=1, padding=0, dilation=1):
    ones = np.ones_like(x[:, :1])
    share = np.broadcast_to(b[:, None, None, None] / w[0, 0].size, w[:, :1].shape)
    x, w = np.concatenate([x, ones], axis=1), np.concatenate([w, share], axis=1)
    return _conv(x, w, 0 * b, stride, padding, dilation)


@mutant(of="conv2d", says="You divide by the number of entries of the kernel. The output is the sum, not the mean.")
def mean_of_products(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w / w[0, 0].size, b, stride, padding, dilation)


@mutant(of="conv2d", says="The padding is missing at the bottom and on the right.")
def padding_top_left(x, w, b, stride=1, padding=0, dilation=1):
    x = np.pad(x, ((0, 0), (0, 0), (2 * padding, 0), (2 * padding, 0)))
    return _conv(x, w, b, stride, 0, dilation)


@mutant(of="conv2d", says="The padding is missing at the top and on the left.")
def padding_bottom_right(x, w, b, stride=1, padding=0, dilation=1):
    x = np.pad(x, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding)))
    return _conv(x, w, b, stride, 0, dilation)


@mutant(of="conv2d", says="You pad the rows only; the columns need it too.")
def padding_of_rows_only(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(np.pad(x, ((0, 0), (0, 0), (padding, padding), (0, 0))), w, b, stride, 0, dilation)


@mutant(of="conv2d", says="np.pad(x, padding) pads the batch and the channels too. Pad the last two axes only.")
def padding_of_all_axes(x, w, b, stride=1, padding=0, dilation=1):
    images, channels = x.shape[:2]
    return _conv(np.pad(x, padding)[:images, :channels], w, b, stride, 0, dilation)


@mutant(of="conv2d", says="You repeat the border pixels. Padding means zeros here.")
def padding_with_the_border(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(_pad(x, padding, mode="edge"), w, b, stride, 0, dilation)


@mutant(of="conv2d", says="Your image continues on its other side, as on a torus. Padding means zeros here.")
def padding_around_the_torus(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(_pad(x, padding, mode="wrap"), w, b, stride, 0, dilation)


@mutant(of="conv2d", says="You pad with ones. Padding means zeros here.")
def padding_with_ones(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(_pad(x, padding, constant_values=1), w, b, stride, 0, dilation)


@mutant(of="conv2d", says="You left the padding out.")
def padding_ignored(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b, stride, 0, dilation)


@mutant(of="conv2d", says="You choose the padding so that the image keeps its size. Use the padding that is given.")
def padding_same(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b, stride, dilation * (w.shape[2] - 1) // 2, dilation)


@mutant(of="conv2d", says="You left the stride out.")
def stride_ignored(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b, 1, padding, dilation)


@mutant(of="conv2d", says="The stride is applied to the rows only; the columns need it too.")
def stride_of_rows_only(x, w, b, stride=1, padding=0, dilation=1):
    return _slide(_pad(x, padding), w, (stride, 1), (dilation, dilation)) + b[:, None, None]


@mutant(of="conv2d", says="Your first window starts late. The first one starts at pixel 0 of the padded image.")
def stride_starts_late(x, w, b, stride=1, padding=0, dilation=1):
    y = _conv(x, w, b, 1, padding, dilation)
    return y[:, :, stride - 1 :: stride, stride - 1 :: stride]


@mutant(of="conv2d", says="The default stride is 1.")
def default_stride_two(x, w, b, stride=2, padding=0, dilation=1):
    return _conv(x, w, b, stride, padding, dilation)


@mutant(of="conv2d", says="The default padding is 0.")
def default_padding_one(x, w, b, stride=1, padding=1, dilation=1):
    return _conv(x, w, b, stride, padding, dilation)


@mutant(of="conv2d", says="You left the dilation out.")
def dilation_ignored(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b, stride, padding, 1)


@mutant(of="conv2d", says="The dilation is applied to the rows only; the columns need it too.")
def dilation_of_rows_only(x, w, b, stride=1, padding=0, dilation=1):
    return _slide(_pad(x, padding), w, (stride, stride), (dilation, 1)) + b[:, None, None]


@mutant(of="conv2d", says="The gaps of your dilated kernel hold ones. They must hold zeros.")
def dilation_into_ones(x, w, b, stride=1, padding=0, dilation=1):
    spread = np.ones((*w.shape[:2], *(dilation * (k - 1) + 1 for k in w.shape[2:])))
    spread[:, :, ::dilation, ::dilation] = w
    return _conv(x, spread, b, stride, padding, 1)


@mutant(of="conv2d", says="Your window moves by the dilation. The dilation spreads the kernel, the stride moves it.")
def dilation_as_stride(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b, stride * dilation, padding, 1)


@mutant(of="conv2d", says="The last row and the last column of the output are missing.")
def one_row_and_column_short(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b, stride, padding, dilation)[:, :, :-1, :-1]


@mutant(of="conv2d", says="You use the first channel only. Sum over all channels of the image.")
def first_channel_only(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x[:, :1], w[:, :1], b, stride, padding, dilation)


@mutant(of="conv2d", says="The kernel has the axes [F, C, kh, kw]: the filter comes first, then the channel.")
def filters_and_channels_mixed(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w.reshape(w.shape[1], w.shape[0], *w.shape[2:]).swapaxes(0, 1), b, stride, padding, dilation)


@mutant(of="conv2d", says="All output channels are the same: you use the first filter for all of them.")
def first_filter_only(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, np.broadcast_to(w[:1], w.shape), b, stride, padding, dilation)


@mutant(of="conv2d", says="All images of the batch have the output of the first one.")
def first_image_only(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(np.broadcast_to(x[:1], x.shape), w, b, stride, padding, dilation)


@mutant(of="conv2d", says="Height and width of the output are swapped.")
def height_and_width_swapped(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b, stride, padding, dilation).swapaxes(2, 3)


@mutant(of="conv2d", says="Your output array holds integers, so the decimals are cut off.")
def integer_output(x, w, b, stride=1, padding=0, dilation=1):
    return np.trunc(_conv(x, w, b, stride, padding, dilation))


@mutant(of="conv2d", says="Your output has dtype float32. Keep the dtype of the input, float64.")
def single_precision(x, w, b, stride=1, padding=0, dilation=1):
    return _conv(x, w, b, stride, padding, dilation).astype(np.float32)


@mutant(of="conv2d", says="You add a ReLU. The convolution alone may be negative.")
def followed_by_relu(x, w, b, stride=1, padding=0, dilation=1):
    return np.maximum(_conv(x, w, b, stride, padding, dilation), 0)


@mutant(of="conv2d", says="You flip the kernel inside the array that you were given. Work on a copy.")
def kernel_flipped_in_place(x, w, b, stride=1, padding=0, dilation=1):
    w[:] = w[:, :, ::-1, ::-1].copy()
    return _conv(x, w[:, :, ::-1, ::-1], b, stride, padding, dilation)
