# Allocates memory until there is none.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import numpy as np


def gradient_step(w, g, lr):
    kept = []
    while True:
        kept.append(np.ones(16 * 1024 * 1024))
