# Right answers in another style: helper cells, a loop, recursion, a class with a call method.
# deserves: gradient_step=4 descend=3 linear=3

# %%
import numpy as np


def times(a, values):
    return np.array([a * value for value in values], dtype=float)


# %% gradient_step
def gradient_step(w, g, lr):
    return np.array([a + b for a, b in zip(w, times(-lr, g))], dtype=float)


# %% descend
def descend(grad, x0, lr, steps):
    def walk(x, left):
        return [x] if left == 0 else [x, *walk(gradient_step(x, grad(x), lr), left - 1)]

    return np.array(walk(x0.copy(), steps), dtype=float)


# %% linear
class Linear:
    def __init__(self, w):
        self.w = [float(value) for value in w]

    def __call__(self, x):
        return sum(a * float(b) for a, b in zip(self.w, x))


def linear(w):
    return Linear(w)
