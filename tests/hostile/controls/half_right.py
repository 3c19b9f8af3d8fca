# One right answer, one wrong, one not begun.
# deserves: gradient_step=4 descend=0 linear=0

# %% descend
import numpy as np


def descend(grad, x0, lr, steps):
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] + lr * grad(path[-1]))
    return np.array(path)


# %% linear
def linear(w):
    raise NotImplementedError()
