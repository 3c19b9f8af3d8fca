"""Known mistakes in the picture of one's own digit, in other words: written from the sentence of each."""

import numpy as np

from tests.support.diagnosis import disguise

# ---- to_input --------------------------------------------------------------------------------------------------


def light(pixels):
    """The right values, float32 [28, 28]."""
    return np.array([[1 - int(pixel) / 255 for pixel in row] for row in pixels], dtype=np.float32)


@disguise("to_input", "not_inverted")
def as_on_paper(pixels):
    return np.expand_dims(pixels.astype("float32") * np.float32(1 / 255), (0, -1))


@disguise("to_input", "not_scaled")
def whole_levels(pixels):
    return np.float32(255) - pixels[np.newaxis, :, :, np.newaxis]


@disguise("to_input", "without_channel")
def batch_only(pixels):
    return np.stack([light(pixels)])


@disguise("to_input", "without_batch")
def channel_only(pixels):
    return np.dstack([light(pixels)])


@disguise("to_input", "channel_first")
def as_for_torch(pixels):
    return light(pixels)[None, None]


@disguise("to_input", "in_double_precision")
def pixel_by_pixel(pixels):
    result = np.empty((1, 28, 28, 1))
    for row in range(28):
        for column in range(28):
            result[0, row, column] = 1.0 - pixels[row, column] / 255.0
    return result


@disguise("to_input", "transposed")
def written_down_sideways(pixels):
    result = np.zeros((1, 28, 28, 1), np.float32)
    for (row, column), value in np.ndenumerate(light(pixels)):
        result[0, column, row, 0] = value
    return result


@disguise("to_input", "cut_at_128")
def black_or_white(pixels):
    result = np.ones((1, 28, 28, 1), "f4")
    result[0, pixels >= 128] = 0
    return result


@disguise("to_input", "divided_by_256")
def shifted_by_eight_bits(pixels):
    return (np.ldexp(255.0 - pixels, -8)).astype(np.float32)[None, ..., None]


@disguise("to_input", "inverted_with_wrap_around")
def subtracted_in_bytes(pixels):
    inverted = np.zeros(pixels.shape, np.uint8) - pixels  # 256 is 0 here
    return np.float32(inverted.reshape(1, 28, 28, 1)) / 255


@disguise("to_input", "divided_into_whole_numbers")
def only_full_ink(pixels):
    return np.where(pixels == 0, 1, 0).reshape(1, 28, 28, 1).astype(np.float32)


@disguise("to_input", "stretched")
def from_least_to_most(pixels):
    low, high = int(pixels.min()), int(pixels.max())
    table = np.array([(high - level) / max(high - low, 1) for level in range(256)], np.float32)
    return table[pixels].reshape(1, 28, 28, 1)


@disguise("to_input", "from_minus_one")
def centred(pixels):
    return ((127.5 - pixels) / 127.5).astype(np.float32).reshape(1, 28, 28, 1)


@disguise("to_input", "inverted_in_place")
def flipped_bits(pixels):
    np.invert(pixels, out=pixels)
    return (pixels / 255).astype(np.float32)[None, :, :, None]
