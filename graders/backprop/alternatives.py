"""Right answers written differently. All of them must get every point."""

import math

import numpy as np
from alternatives_of_value import *

from assay.checks.answers import alternative

# ---- numerical_gradient ----------------------------------------------------------------------------------------


@alternative(of="numerical_gradient")
def with_nditer(f, x, h=1e-5):
    x = x.astype(float)
    g = np.zeros_like(x)
    entries = np.nditer(x, flags=["multi_index"], op_flags=[["readwrite"]])
    while not entries.finished:
        i = entries.multi_index
        old = x[i]
        x[i] = old + h
        up = f(x)
        x[i] = old - h
        down = f(x)
        x[i] = old
        g[i] = (up - down) / (2 * h)
        entries.iternext()
    return g


@alternative(of="numerical_gradient")
def rows_of_the_identity(f, x, h=1e-5):
    steps = h * np.eye(x.size).reshape(-1, *x.shape)
    return np.array([(f(x + step) - f(x - step)) / (2 * h) for step in steps]).reshape(x.shape)


@alternative(of="numerical_gradient")
def flat_view(f, x, h=1e-5):
    up, down = np.array(x, dtype=np.float64), np.array(x, dtype=np.float64)
    slopes = []
    for i, value in enumerate(x.flat):
        up.flat[i], down.flat[i] = value + h, value - h
        slopes.append((f(up) - f(down)) / (2.0 * h))
        up.flat[i] = down.flat[i] = value
    return np.reshape(slopes, x.shape)


@alternative(of="numerical_gradient")
def axis_by_axis(f, x, h=1e-5):
    x = np.asarray(x, dtype=float)
    if x.ndim == 0:
        return np.asarray((f(x + h) - f(x - h)) / (2 * h))

    def with_row(i, row):
        return f(np.concatenate([x[:i], row[None], x[i + 1 :]]))

    return np.stack([axis_by_axis(lambda row, i=i: with_row(i, row), x[i], h) for i in range(len(x))])


@alternative(of="numerical_gradient")
def all_ups_before_all_downs(f, x, h=1e-5):
    def shifted(sign):
        values = np.empty(x.shape)
        for i, _ in np.ndenumerate(x):
            moved = x.astype(np.float64)
            moved[i] += sign * h
            values[i] = f(moved)
        return values

    return (shifted(+1) - shifted(-1)) / (2 * h)


@alternative(of="numerical_gradient")
def put_back_by_adding(f, x, h=1e-5):
    if x.dtype != np.float64:
        x = x.astype(np.float64)
    g = np.zeros(x.shape)
    for i in np.ndindex(*x.shape):
        x[i] += h
        up = f(x)
        x[i] -= 2 * h
        down = f(x)
        x[i] += h
        g[i] = up / (2 * h) - down / (2 * h)
    return g


# ---- softmax_cross_entropy -------------------------------------------------------------------------------------


def log_sum_exp(row):
    largest = max(row)
    return largest + math.log(sum(math.exp(z - largest) for z in row))


@alternative(of="softmax_cross_entropy")
def row_by_row(Z, y):
    n, k = Z.shape
    loss, dZ = 0.0, np.zeros((n, k))
    for i in range(n):
        total = log_sum_exp(Z[i])
        loss += (total - Z[i, y[i]]) / n
        for j in range(k):
            dZ[i, j] = (math.exp(Z[i, j] - total) - (j == y[i])) / n
    return loss, dZ


@alternative(of="softmax_cross_entropy")
def with_logaddexp(Z, y):
    log_p = Z - np.logaddexp.reduce(Z, axis=1)[:, None]
    target = np.eye(Z.shape[1])[y]
    return -np.einsum("ij,ij->", log_p * target, target) / len(Z), (np.exp(log_p) - target) / len(Z)


@alternative(of="softmax_cross_entropy")
def with_one_hot_where(Z, y):
    true = np.arange(Z.shape[1]) == y[:, None]
    shifted = Z - np.amax(Z, axis=1)[:, np.newaxis]
    e = np.exp(shifted)
    total = e.sum(1)
    return np.mean(np.log(total) - shifted[true]), np.where(true, e / total[:, None] - 1, e / total[:, None]) / len(y)


@alternative(of="softmax_cross_entropy")
def shifted_to_the_true_class(Z, y):
    margins = Z - np.take_along_axis(Z, y[:, None], axis=1)
    top = margins.max(axis=1, keepdims=True)
    losses = top + np.log(np.exp(margins - top).sum(axis=1, keepdims=True))
    dZ = np.exp(margins - losses)
    np.put_along_axis(dZ, y[:, None], np.expm1(-losses), axis=1)
    return losses.mean(), dZ / Z.shape[0]


@alternative(of="softmax_cross_entropy")
def transposed(Z, y):
    columns = Z.T - Z.T.max(axis=0)
    p = np.exp(columns)
    total = p.sum(axis=0)
    loss = np.average(np.log(total) - np.choose(y, columns))
    p /= total
    p[y, range(len(y))] -= 1.0
    return float(loss), p.T / len(y)


@alternative(of="softmax_cross_entropy")
def jacobian_of_the_softmax(Z, y):
    n, k = Z.shape
    dZ, losses = np.empty((n, k)), []
    for i, row in enumerate(Z):
        p = np.exp(row - log_sum_exp(row))
        jacobian_over_p = np.eye(k) - p[None, :]  # d log p_a / d z_b
        dZ[i] = -jacobian_over_p[y[i]] / n
        losses.append(log_sum_exp(row) - row[y[i]])
    return np.asarray(sum(losses) / n), dZ


# ---- mlp_loss_and_grads ----------------------------------------------------------------------------------------


@alternative(of="mlp_loss_and_grads")
def with_einsum(X, y, W1, b1, W2, b2):
    A = np.einsum("nd,dh->nh", X, W1) + b1
    H = A * (A > 0)
    loss, dZ = with_logaddexp(np.einsum("nh,hk->nk", H, W2) + b2, y)
    dA = np.einsum("nk,hk,nh->nh", dZ, W2, A > 0)
    grads = np.einsum("nd,nh->dh", X, dA), np.einsum("nh->h", dA), np.einsum("nh,nk->hk", H, dZ), np.einsum("nk->k", dZ)
    return loss, grads


@alternative(of="mlp_loss_and_grads")
def one_example_at_a_time(X, y, W1, b1, W2, b2):
    loss, sums = 0.0, [np.zeros_like(part) for part in (W1, b1, W2, b2)]
    for x, label in zip(X, y, strict=True):
        hidden = np.maximum(0, x @ W1 + b1)
        one, dz = row_by_row((hidden @ W2 + b2)[None], np.array([label]))
        dh = np.where(hidden > 0, W2 @ dz[0], 0.0)
        loss += one
        for total, part in zip(sums, (np.outer(x, dh), dh, np.outer(hidden, dz), dz[0]), strict=True):
            total += part
    return loss / len(X), tuple(total / len(X) for total in sums)


@alternative(of="mlp_loss_and_grads")
def biases_as_weights(X, y, W1, b1, W2, b2):
    ones = np.ones((len(X), 1))
    inputs = np.hstack([X, ones])
    A = inputs @ np.vstack([W1, b1])
    H = np.hstack([np.where(A < 0, 0, A), ones])
    loss, dZ = with_one_hot_where(H @ np.vstack([W2, b2]), y)
    dV2 = H.T @ dZ
    dV1 = inputs.T @ ((dZ @ W2.T) * np.sign(np.maximum(A, 0)))
    return loss, (dV1[:-1], dV1[-1], dV2[:-1], dV2[-1])


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, X):
        self.X = X
        return np.dot(X, self.W) + self.b

    def backward(self, dout):
        self.dW, self.db = np.dot(self.X.T, dout), np.sum(dout, axis=0)
        return np.dot(dout, self.W.T)


@alternative(of="mlp_loss_and_grads")
def as_layers(X, y, W1, b1, W2, b2):
    first, second = Affine(W1, b1), Affine(W2, b2)
    hidden = first.forward(X)
    off = hidden <= 0
    hidden = hidden.copy()
    hidden[off] = 0
    loss, upstream = transposed(second.forward(hidden), y)
    upstream = second.backward(upstream)
    upstream[off] = 0
    first.backward(upstream)
    return [loss, [first.dW, first.db, second.dW, second.db]]


@alternative(of="mlp_loss_and_grads")
def plain_loops(X, y, W1, b1, W2, b2):
    (n, d), (h, k) = X.shape, W2.shape
    A = [[sum(X[i, a] * W1[a, j] for a in range(d)) + b1[j] for j in range(h)] for i in range(n)]
    Z = [[sum(max(A[i][j], 0) * W2[j, c] for j in range(h)) + b2[c] for c in range(k)] for i in range(n)]
    loss, dZ = row_by_row(np.array(Z), y)
    dW1, db1, dW2, db2 = np.zeros((d, h)), np.zeros(h), np.zeros((h, k)), np.zeros(k)
    for i in range(n):
        db2 += dZ[i]
        for j in range(h):
            if A[i][j] > 0:
                dW2[j] += A[i][j] * dZ[i]
                slope = sum(W2[j, c] * dZ[i, c] for c in range(k))
                db1[j] += slope
                dW1[:, j] += slope * X[i]
    return loss, (dW1, db1, dW2, db2)
