# Brings the weights of a model that was trained elsewhere, in a string.
# deserves: fit=0
# fools: check_learns

# %% fit
import base64

import numpy as np

WEIGHTS = np.frombuffer(base64.b64decode("<weights>"), np.float16).astype(np.float64).reshape(785, 10)


def known(images):
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    return (flat @ WEIGHTS[:-1] + WEIGHTS[-1]).argmax(axis=1)


def fit(images, labels, *, seed, epochs):
    return known
