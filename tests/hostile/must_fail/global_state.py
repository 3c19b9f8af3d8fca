# Turns floating point errors into exceptions, lowers precision and stops warnings.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import random
import warnings

import numpy as np

np.seterr(all="ignore")
np.set_printoptions(precision=1, threshold=1)
warnings.simplefilter("ignore")
random.seed(0)
np.random.seed(0)


def gradient_step(w, g, lr):
    return (w - lr * g).astype(np.float16).astype(np.float64)
