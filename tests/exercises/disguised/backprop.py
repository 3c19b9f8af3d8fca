"""Known mistakes in backpropagation, in other words: written from the sentence of each, not from its code."""

import math

import numpy as np
import torch
from scipy.special import log_softmax, logsumexp
from scipy.special import softmax as right_softmax

from tests.support.diagnosis import disguise

# ---- numerical_gradient ----------------------------------------------------------------------------------------


@disguise("numerical_gradient", "forward_difference")
def one_step_ahead(f, x, h=1e-5):
    x = x.astype(float)
    here, slopes = f(x), []
    for k in range(x.size):
        ahead = x.copy()
        ahead.flat[k] += h
        slopes.append((f(ahead) - here) / h)
    return np.reshape(slopes, x.shape)


@disguise("numerical_gradient", "divided_by_h")
def rows_of_the_identity(f, x, h=1e-5):
    x = np.asarray(x, dtype=np.float64)
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([f(x + step) - f(x - step) for step in steps]).reshape(x.shape) / h


@disguise("numerical_gradient", "divided_by_two_times_h")
def precedence(f, x, h=1e-5):
    g = np.empty(x.shape, dtype=float)
    it = np.nditer(x, flags=["multi_index"])
    for _ in it:
        up, down = x.astype(float), x.astype(float)
        up[it.multi_index] += h
        down[it.multi_index] -= h
        g[it.multi_index] = (f(up) - f(down)) / 2 * h
    return g


@disguise("numerical_gradient", "step_ignored")
def a_step_of_its_own(f, x, h=1e-5):
    epsilon = 0.00001
    work, g = np.array(x, dtype=float), np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        kept = work[i]
        work[i] = kept + epsilon
        above = f(work)
        work[i] = kept - epsilon
        g[i] = (above - f(work)) / (2 * epsilon)
        work[i] = kept
    return g


@disguise("numerical_gradient", "flat_gradient")
def list_of_slopes(f, x, h=1e-5):
    x = x + 0.0
    slopes = []
    for i in np.ndindex(*x.shape):
        d = np.zeros_like(x)
        d[i] = h
        slopes.append((f(x + d) - f(x - d)) / 2 / h)
    return np.array(slopes)


@disguise("numerical_gradient", "not_put_back", "not_put_back_after_assigning")
def left_where_it_was(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] = x[i] + h
        above = f(x)
        x[i] = x[i] - 2 * h
        below = f(x)
        g[i] = (above - below) / (2 * h)
    return g


# ---- softmax_cross_entropy -------------------------------------------------------------------------------------


@disguise("softmax_cross_entropy", "gradient_not_divided")
def mean_loss_and_summed_gradient(Z, y):
    log_p = log_softmax(Z, axis=1)
    dZ = np.exp(log_p)
    for row, label in zip(dZ, y, strict=True):
        row[label] -= 1
    return -np.mean([line[label] for line, label in zip(log_p, y, strict=True)]), dZ


@disguise("softmax_cross_entropy", "summed")
def by_torch_with_a_sum(Z, y):
    Z = torch.tensor(Z, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(Z, torch.tensor(y), reduction="sum")
    loss.backward()
    return loss.item(), Z.grad.numpy()


@disguise("softmax_cross_entropy", "one_hot_left_out")
def labels_not_subtracted(Z, y):
    n = Z.shape[0]
    return (logsumexp(Z, axis=1) - Z[range(n), y]).sum() / n, right_softmax(Z, axis=1) / n


@disguise("softmax_cross_entropy", "overflowing")
def exponentials_first(Z, y):
    scores = np.exp(Z)
    p = scores / np.sum(scores, axis=-1)[:, None]
    dZ = p.copy()
    dZ[np.arange(len(y)), y] -= 1.0
    return np.mean(-np.log(p[np.arange(len(y)), y])), dZ / len(y)


@disguise("softmax_cross_entropy", "loss_turned")
def likelihood(Z, y):
    Z = torch.tensor(Z, requires_grad=True)
    loss = torch.nn.functional.nll_loss(torch.log_softmax(Z, dim=1), torch.tensor(y))
    loss.backward()
    return -float(loss), Z.grad.numpy()


@disguise("softmax_cross_entropy", "softmax_over_the_batch")
def by_torch_down_the_columns(Z, y):
    log_p = torch.log_softmax(torch.tensor(Z), dim=0).numpy()
    one_hot = (y[:, None] == np.arange(Z.shape[1])).astype(float)
    return -(one_hot * log_p).sum() / len(Z), (np.exp(log_p) - one_hot) / len(Z)


# ---- mlp_loss_and_grads ----------------------------------------------------------------------------------------


def by_autograd(X, y, W1, b1, W2, b2, forward=None, reduction="mean"):
    """Loss and gradients of a network with that forward pass; the right ones by default."""
    weights = [torch.tensor(part, requires_grad=True) for part in (W1, b1, W2, b2)]
    forward = forward or (lambda X, W1, b1, W2, b2: torch.relu(X @ W1 + b1) @ W2 + b2)
    loss = torch.nn.functional.cross_entropy(forward(torch.tensor(X), *weights), torch.tensor(y), reduction=reduction)
    zeros = [torch.zeros_like(part) for part in weights]
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return loss.item(), tuple((g if g is not None else z).numpy() for g, z in zip(found, zeros, strict=True))


@disguise("mlp_loss_and_grads", "mean_left_out")
def gradients_of_a_sum(X, y, W1, b1, W2, b2):
    return by_autograd(X, y, W1, b1, W2, b2)[0], by_autograd(X, y, W1, b1, W2, b2, reduction="sum")[1]


@disguise("mlp_loss_and_grads", "no_relu_backward")
def back_through_everything(X, y, W1, b1, W2, b2):
    hidden = X @ W1 + b1
    hidden[hidden < 0] = 0
    logits = hidden @ W2 + b2
    dlogits = right_softmax(logits, axis=1)
    dlogits[np.arange(len(y)), y] -= 1
    dlogits /= len(y)
    dhidden = np.einsum("nk,hk->nh", dlogits, W2)
    loss = -np.mean(log_softmax(logits, axis=1)[np.arange(len(y)), y])
    return loss, (np.einsum("nd,nh->dh", X, dhidden), dhidden.sum(0), hidden.T @ dlogits, dlogits.sum(0))


@disguise("mlp_loss_and_grads", "layers_backwards")
def output_layer_first(X, y, W1, b1, W2, b2):
    loss, (dW1, db1, dW2, db2) = by_autograd(X, y, W1, b1, W2, b2)
    return loss, (dW2, db2, dW1, db1)


@disguise("mlp_loss_and_grads", "flat_tuple")
def five_values(X, y, W1, b1, W2, b2):
    loss, gradients = by_autograd(X, y, W1, b1, W2, b2)
    return [loss, *gradients]


@disguise("mlp_loss_and_grads", "weight_decay_added")
def penalised(X, y, W1, b1, W2, b2):
    weights = [torch.tensor(part, requires_grad=True) for part in (W1, b1, W2, b2)]
    logits = torch.relu(torch.tensor(X) @ weights[0] + weights[1]) @ weights[2] + weights[3]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(y))
    loss = loss + 0.05 * (weights[0].square().sum() + weights[2].square().sum())
    loss.backward()
    return loss.item(), tuple(part.grad.numpy() for part in weights)


@disguise("mlp_loss_and_grads", "first_bias_left_out")
def product_alone(X, y, W1, b1, W2, b2):
    loss, (dW1, _, dW2, db2) = by_autograd(X, y, W1, 0 * b1, W2, b2)
    active = (X @ W1 > 0).astype(float)
    dlogits = right_softmax(np.maximum(X @ W1, 0) @ W2 + b2, axis=1)
    dlogits[np.arange(len(y)), y] -= 1
    return loss, (dW1, (dlogits @ W2.T / len(y) * active).sum(axis=0), dW2, db2)


# ---- Value -----------------------------------------------------------------------------------------------------


class OneSided:
    """A right Value in the style of closures, without numbers on the left."""

    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = data, 0.0, list(parents)
        self.pass_back = lambda: None

    def make(self, data, *sources):
        """A result, and for each source its slope."""
        out = type(self)(data, [source for source, _ in sources])

        def pass_back():
            for source, slope in sources:
                source.grad += slope * out.grad

        out.pass_back = pass_back
        return out

    def lift(self, other):
        return other if isinstance(other, OneSided) else type(self)(other)

    def __add__(self, other):
        other = self.lift(other)
        return self.make(self.data + other.data, (self, 1), (other, 1))

    def __mul__(self, other):
        other = self.lift(other)
        return self.make(self.data * other.data, (self, other.data), (other, self.data))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-self.lift(other))

    def __pow__(self, n):
        return self.make(self.data**n, (self, n * self.data ** (n - 1)))

    def relu(self):
        return self.make(self.data if self.data > 0 else 0.0, (self, 1.0 * (self.data > 0)))

    def exp(self):
        return self.make(math.e**self.data, (self, math.e**self.data))

    def tanh(self):
        t = (math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1)
        return self.make(t, (self, 1 - t**2))

    def order(self):
        done, order = [], []

        def build(node):
            if not any(node is other for other in done):
                done.append(node)
                for parent in node.parents:
                    build(parent)
                order.append(node)

        build(self)
        return order[::-1]

    def backward(self):
        self.grad = 1.0
        for node in self.order():
            node.pass_back()


class Node(OneSided):
    """A right Value."""

    def __radd__(self, other):
        return self + other

    def __rsub__(self, other):
        return self.lift(other) - self

    def __rmul__(self, other):
        return self * other


@disguise("Value", "GradOverwritten")
class Assigned(Node):
    def make(self, data, *sources):
        out = type(self)(data, [source for source, _ in sources])

        def pass_back():
            for source, slope in sources:
                source.grad = slope * out.grad

        out.pass_back = pass_back
        return out


@disguise("Value", "StartsAtData")
class SeededWithItself(Node):
    def backward(self):
        self.grad = self.data
        for node in self.order():
            node.pass_back()


@disguise("Value", "OwnFactor")
class FactorsMixedUp(Node):
    def __mul__(self, other):
        other = self.lift(other)
        return self.make(self.data * other.data, (self, self.data), (other, other.data))

    def __neg__(self):
        return self.make(-self.data, (self, -1.0))


@disguise("Value", "TanhLikeSigmoid")
class SigmoidSlope(Node):
    def tanh(self):
        t = 1 - 2 / (math.exp(2 * self.data) + 1)
        return self.make(t, (self, t - t * t))


@disguise("Value", "ReluAlwaysOpen")
class LeakingAllOfIt(Node):
    def relu(self):
        return self.make(max(0.0, self.data), (self, 1.0))


@disguise("Value", "NoNumberTimesValue")
class NumbersOnTheRightOnly(OneSided):
    def __radd__(self, other):
        return self + other

    def __rsub__(self, other):
        return self.lift(other) - self


NumbersOnTheRightOnly.function.__name__ = "Value"  # errors name it


@disguise("Value", "ExponentNotLowered")
class SameExponent(Node):
    def __pow__(self, n):
        result = self.data**n
        return self.make(result, (self, result * n))
