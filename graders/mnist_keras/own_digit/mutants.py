"""Wrong answers that students give."""

import numpy as np
from reference import classify, network, to_input

from assay.checks import mutant

STATE = {}


@mutant(
    of="to_input",
    says="The picture is not inverted: paper becomes 1, but the network knows a black ground.",
)
def not_inverted(pixels):
    return (pixels / 255).astype(np.float32).reshape(1, 28, 28, 1)


@mutant(of="to_input", says="The values go up to 255; the network was trained on values up to 1.")
def not_scaled(pixels):
    return (255 - pixels).astype(np.float32).reshape(1, 28, 28, 1)


@mutant(of="to_input", says="The axis of the channel is missing: the shape is [1, 28, 28].")
def without_channel(pixels):
    return to_input(pixels)[..., 0]


@mutant(of="to_input", says="The axis of the batch is missing: the shape is [28, 28, 1].")
def without_batch(pixels):
    return to_input(pixels)[0]


@mutant(of="to_input", says="The channel stands in front, [1, 1, 28, 28], as in PyTorch; Keras has it last.")
def channel_first(pixels):
    return to_input(pixels).reshape(1, 1, 28, 28)


@mutant(of="to_input", says="The result is float64; Keras computes with float32.")
def in_double_precision(pixels):
    return ((255 - pixels) / 255).reshape(1, 28, 28, 1)


@mutant(of="to_input", says="Rows and columns are exchanged: the digit lies on its side, mirrored.")
def transposed(pixels):
    return np.ascontiguousarray(to_input(pixels).transpose(0, 2, 1, 3))


@mutant(of="to_input", says="The picture is cut into black and white at 128; the grey of the strokes' edges is lost.")
def cut_at_128(pixels):
    return (pixels < 128).astype(np.float32).reshape(1, 28, 28, 1)


@mutant(of="to_input", says="It divides by 256, so full ink is not 1.")
def divided_by_256(pixels):
    return ((255 - pixels.astype(np.float32)) / 256).reshape(1, 28, 28, 1)


@mutant(of="to_input", says="It subtracts from 256 in whole numbers of 8 bits, where 256 - 0 wraps around to 0.")
def inverted_with_wrap_around(pixels):
    return ((-pixels.astype(np.int64)).astype(np.uint8).astype(np.float32) / 255).reshape(1, 28, 28, 1)


@mutant(of="to_input", says="Whole-number division (//) leaves only 0 and 1.")
def divided_into_whole_numbers(pixels):
    return ((255 - pixels) // 255).astype(np.float32).reshape(1, 28, 28, 1)


@mutant(
    of="to_input",
    says="The picture is stretched to its own extremes: faint ink becomes as dark as strong ink.",
)
def stretched(pixels):
    dark = 255 - pixels.astype(np.float32)
    span = max(float(dark.max() - dark.min()), 1.0)
    return ((dark - dark.min()) / span).reshape(1, 28, 28, 1)


@mutant(of="to_input", says="The values lie between -1 and 1; the network was trained on 0 to 1.")
def from_minus_one(pixels):
    return 2 * to_input(pixels) - 1


@mutant(
    of="to_input",
    says="The argument itself is inverted (pixels[:] = ...): the caller's picture is changed.",
)
def inverted_in_place(pixels):
    pixels[:] = 255 - pixels
    return (pixels.astype(np.float32) / 255).reshape(1, 28, 28, 1)


@mutant(of="classify", says="The pixels are not inverted: the network was never trained on a white ground.")
def classify_not_inverted(pixels):
    return answer(network()(pixels / 255))


@mutant(of="classify", says="The pixels are classified as they are, from 0 to 255 and dark on light.")
def classify_raw(pixels):
    return answer(network()(pixels.astype(np.float64)))


@mutant(of="classify", says="Rows and columns are exchanged before the network sees the picture.")
def classify_transposed(pixels):
    return classify(pixels.T)


@mutant(of="classify", says="The picture is upside down.")
def classify_upside_down(pixels):
    return classify(pixels[::-1])


@mutant(of="classify", says="The digits are counted from 1.")
def counted_from_one(pixels):
    digit, probabilities = classify(pixels)
    return (digit + 1) % 10, probabilities


@mutant(of="classify", says="The class with the smallest probability is returned (argmin).")
def the_least_likely(pixels):
    probabilities = classify(pixels)[1]
    return int(np.argmin(probabilities)), probabilities


@mutant(of="classify", says="The probabilities have the axis of the batch still: [1, 10] instead of [10].")
def with_the_batch(pixels):
    digit, probabilities = classify(pixels)
    return digit, probabilities[None]


@mutant(of="classify", says="Only the digit is returned.")
def the_digit_alone(pixels):
    return classify(pixels)[0]


@mutant(of="classify", says="The probabilities come first, then the digit.")
def exchanged(pixels):
    return classify(pixels)[::-1]


@mutant(of="classify", says="The digit is an array of one number, not a number.")
def digit_in_an_array(pixels):
    digit, probabilities = classify(pixels)
    return np.array([digit]), probabilities


@mutant(of="classify", says="The digit is text.")
def digit_as_text(pixels):
    digit, probabilities = classify(pixels)
    return str(digit), probabilities


@mutant(of="classify", says="The probabilities are in per cent.")
def in_per_cent(pixels):
    digit, probabilities = classify(pixels)
    return digit, 100 * probabilities


@mutant(of="classify", says="The logarithms of the probabilities are returned.")
def logarithms(pixels):
    digit, probabilities = classify(pixels)
    return digit, np.log(probabilities + 1e-9)


@mutant(of="classify", says="The probabilities are sorted, so that they no longer stand at their classes.")
def sorted_probabilities(pixels):
    digit, probabilities = classify(pixels)
    return digit, np.sort(probabilities)


@mutant(of="classify", says="A mean over all pictures so far is subtracted: the answer depends on what came before.")
def with_a_memory(pixels):
    STATE["mean"] = 0.9 * STATE.get("mean", 0) + 0.1 * to_input(pixels)
    return answer(network()(to_input(pixels) - 0.2 * STATE["mean"]))


@mutant(of="classify", says="The pixels themselves are inverted in place: the caller's picture is changed.")
def inverted_in_place_first(pixels):
    pixels[:] = 255 - pixels
    return answer(network()(pixels / 255))


@mutant(of="classify", says="It always answers with the same digit.")
def always_seven(pixels):
    return 7, np.eye(10, dtype=np.float32)[7]


def answer(probabilities):
    return int(np.argmax(probabilities)), probabilities
