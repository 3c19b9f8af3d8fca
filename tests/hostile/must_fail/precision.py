# Computes in half precision, just inside a loose tolerance.
# deserves: gradient_step=0 descend=3 linear=3

# %% gradient_step
import numpy as np


def gradient_step(w, g, lr):
    return (w.astype(np.float32) - np.float32(lr) * g.astype(np.float32)).astype(np.float64)
