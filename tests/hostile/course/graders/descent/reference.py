from collections.abc import Callable

import numpy as np

from assay.checks import Float, Gradient, st

RATES = st.sampled_from([0.01, 0.1, 0.5])


def gradient_step(w: Float["n"], g: Float["n"], lr: RATES) -> Float["n"]:
    """w - lr g."""
    return w - lr * g


def descend(grad: Gradient["n"], x0: Float["n"], lr: RATES, steps: st.integers(0, 4)) -> Float["t n"]:
    """All points of gradient descent."""
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] - lr * grad(path[-1]))
    return np.array(path)


def linear(w: Float["n"]) -> Callable[[np.ndarray], float]:
    """The function x -> w . x."""
    return lambda x: float(w @ x)
