# Returns an array too large to send.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import numpy as np


def gradient_step(w, g, lr):
    return np.zeros(40_000_000)
