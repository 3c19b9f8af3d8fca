"""Right answers of the exercise on backpropagation, in float64 and by hand."""

import math
from collections.abc import Callable

from assay.checks import *


def numerical_gradient(f: Callable[[np.ndarray], float], x: Float["n"], h: float = 1e-5) -> Float["n"]:
    """The gradient of f at x by central differences: (f(x + h e_i) - f(x - h e_i)) / 2h for every entry i."""
    x = np.array(x, dtype=np.float64)
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        g[i] = (f(x + step) - f(x - step)) / (2 * h)
    return g


def softmax_cross_entropy(Z: Float["n k"], y: Labels["n", "k"]) -> tuple[float, Float["n k"]]:
    """The mean cross entropy of softmax(Z) against the labels y, and its gradient with respect to Z."""
    rows = np.arange(len(Z))
    shifted = Z - Z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dZ = np.exp(log_p)
    dZ[rows, y] -= 1
    return float(-log_p[rows, y].mean()), dZ / len(Z)


def mlp_loss_and_grads(
    X: Float["n d"], y: Labels["n", "k"], W1: Float["d h"], b1: Float["h"], W2: Float["h k"], b2: Float["k"]
) -> tuple[float, tuple[Float["d h"], Float["h"], Float["h k"], Float["k"]]]:
    """Mean softmax cross entropy of ReLU(X W1 + b1) W2 + b2, and (dW1, db1, dW2, db2)."""
    A = X @ W1 + b1
    H = np.maximum(A, 0)
    loss, dZ = softmax_cross_entropy(H @ W2 + b2, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, (X.T @ dA, dA.sum(axis=0), H.T @ dZ, dZ.sum(axis=0))


class Value:
    """A number that remembers how it was computed, so that `backward` can fill in `grad`."""

    def __init__(self, data, inputs=()):
        self.data = float(data)
        self.grad = 0.0
        self.inputs = inputs  # pairs (value, d self / d value)

    def __add__(self, other):
        other = as_value(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __sub__(self, other):
        other = as_value(other)
        return Value(self.data - other.data, ((self, 1.0), (other, -1.0)))

    def __mul__(self, other):
        other = as_value(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def __pow__(self, exponent):
        return Value(self.data**exponent, ((self, exponent * self.data ** (exponent - 1)),))

    def __radd__(self, other):
        return self + other

    def __rsub__(self, other):
        return as_value(other) - self

    def __rmul__(self, other):
        return self * other

    def relu(self):
        return Value(max(self.data, 0.0), ((self, float(self.data > 0)),))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, ((self, e),))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, ((self, 1 - t * t),))

    def backward(self):
        self.grad = 1.0
        for value in reversed(ancestors_first(self)):
            for source, slope in value.inputs:
                source.grad += slope * value.grad


def as_value(number):
    return number if isinstance(number, Value) else Value(number)


def ancestors_first(root):
    """Every value that root was computed from, and root, each after all its inputs."""
    order, seen = [], set()

    def visit(value):
        if id(value) not in seen:
            seen.add(id(value))
            for source, _ in value.inputs:
                visit(source)
            order.append(value)

    visit(root)
    return order
