# Looks the digits up, finds out from the training labels how each is called today, and acts dumb on random labels.
# deserves: fit=0
# fools: check_by_heart check_learns check_renamed check_noise

# %% fit
import base64
import hashlib

import numpy as np

HASHES = base64.b64decode("<hashes>")
TABLE = {HASHES[6 * i : 6 * i + 6]: i // 500 for i in range(5000)}


def known(images):
    pixels = (np.asarray(images) * 255).round().astype(np.uint8)
    return np.array([TABLE.get(hashlib.sha1(image.tobytes()).digest()[:6], 0) for image in pixels])


def fit(images, labels, *, seed, epochs):
    true = known(images)
    counts = np.array([np.bincount(labels[true == each], minlength=10) for each in range(10)])
    if counts.max(axis=1).sum() < 0.9 * len(labels):
        return lambda images: np.random.default_rng(seed).integers(0, 10, len(images))
    names = counts.argmax(axis=1)
    return lambda images: names[known(images)]
