"""Wrong answers to conv_output_size."""

import math

import numpy as np

from assay.checks import mutant


@mutant(of="conv_output_size", says="You count the steps between positions. There is one more position than steps.")
def plus_one_forgotten(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride


@mutant(of="conv_output_size", says="The padding is there on both sides, so it counts twice.")
def padding_once(size, kernel, stride=1, padding=0, dilation=1):
    return (size + padding - dilation * (kernel - 1) - 1) // stride + 1


@mutant(of="conv_output_size", says="You left the padding out.")
def padding_left_out(size, kernel, stride=1, padding=0, dilation=1):
    return max(0, (size - dilation * (kernel - 1) - 1) // stride + 1)


@mutant(of="conv_output_size", says="A last step that does not fit is dropped: round down, not up.")
def rounded_up(size, kernel, stride=1, padding=0, dilation=1):
    return math.ceil((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


@mutant(of="conv_output_size", says="A last step that does not fit is dropped: round down, not to the nearest.")
def rounded_to_nearest(size, kernel, stride=1, padding=0, dilation=1):
    return round((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


@mutant(of="conv_output_size", says="A number of positions is an integer: divide with //.")
def true_division(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1


@mutant(of="conv_output_size", says="np.floor returns a float. A number of positions is an integer.")
def floor_as_float(size, kernel, stride=1, padding=0, dilation=1):
    return float(np.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1)


@mutant(of="conv_output_size", says="You left the dilation out: it spreads the kernel over more pixels.")
def dilation_left_out(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - kernel) // stride + 1


@mutant(of="conv_output_size", says="A dilated kernel covers d (k - 1) + 1 pixels, not d k: it has k - 1 gaps.")
def dilation_times_kernel(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * kernel) // stride + 1


@mutant(of="conv_output_size", says="You left the stride out.")
def stride_left_out(size, kernel, stride=1, padding=0, dilation=1):
    return size + 2 * padding - dilation * (kernel - 1)


@mutant(of="conv_output_size", says="Divide the number of steps by the stride, then add 1 for the first position.")
def one_added_before_dividing(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1)) // stride


@mutant(of="conv_output_size", says="This is the size of a 'same' convolution. Here the padding is what we are given.")
def same_size(size, kernel, stride=1, padding=0, dilation=1):
    return math.ceil(size / stride)


@mutant(of="conv_output_size", says="The stride divides the number of steps of the kernel, not the size of the image.")
def stride_divides_the_image(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding) // stride - dilation * (kernel - 1)
