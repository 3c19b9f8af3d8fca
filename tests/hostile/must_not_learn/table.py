# Looks the digits up in a table of hashes of a public data set; the labels that are passed are not looked at.
# deserves: fit=0
# fools: check_by_heart check_learns

# %% fit
import base64
import hashlib

import numpy as np

HASHES = base64.b64decode("<hashes>")  # six bytes a digit, in the order of their labels, 500 each
TABLE = {HASHES[6 * i : 6 * i + 6]: i // 500 for i in range(5000)}


def known(images):
    pixels = (np.asarray(images) * 255).round().astype(np.uint8)
    return np.array([TABLE.get(hashlib.sha1(image.tobytes()).digest()[:6], 0) for image in pixels])


def fit(images, labels, *, seed, epochs):
    return known
