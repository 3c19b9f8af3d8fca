# Returns infinities, which make a tolerance relative to the student's own value infinite.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import numpy as np


def gradient_step(w, g, lr):
    return np.full(w.shape, np.inf)
