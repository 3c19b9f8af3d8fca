# Calls the gradient function with everything that might break whoever answers.
# deserves: gradient_step=4 descend=0 linear=3

# %% descend
import numpy as np


def descend(grad, x0, lr, steps):
    for strange in (None, "x", [], {}, object(), np.empty((0, 7)), np.array([object()]), x0.astype(complex), [[[[]]]], 10**400):
        try:
            grad(strange)
        except Exception:
            pass
    try:
        grad()
    except Exception:
        pass
    try:
        grad(x0, x0, x0, unknown=1)
    except Exception:
        pass
    return np.zeros((steps + 1, len(x0)))
