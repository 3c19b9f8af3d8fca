"""Right answers written differently. All of them must get every point."""

from functools import reduce
from itertools import accumulate

import numpy as np
import torch
from alternatives_with_memory import *

from assay.checks import alternative


def leaf(array):
    """A tensor of our own with the array's values, which collects gradients."""
    return torch.tensor(array, requires_grad=True)


# ---- line_step -------------------------------------------------------------------------------------------------


@alternative(of="line_step")
def line_looped(m, b, x, y, lr):
    dm = db = 0.0
    for i in range(len(x)):
        r = m * x[i] + b - y[i]
        dm += 2 * r * x[i] / len(x)
        db += 2 * r / len(x)
    return m - lr * dm, b - lr * db


@alternative(of="line_step")
def line_by_design_matrix(m, b, x, y, lr):
    A = np.column_stack([x, np.ones(len(x))])
    theta = np.array([m, b])
    return theta - lr * 2 / len(x) * A.T @ (A @ theta - y)


@alternative(of="line_step")
def line_by_autograd(m, b, x, y, lr):
    m, b = leaf(np.float64(m)), leaf(np.float64(b))
    torch.nn.functional.mse_loss(m * torch.tensor(x) + b, torch.tensor(y)).backward()
    return (m - lr * m.grad).item(), (b - lr * b.grad).item()


@alternative(of="line_step")
def line_by_moments(m, b, x, y, lr):
    xx, xy, mx, my = np.mean(x * x), np.mean(x * y), np.mean(x), np.mean(y)
    return m - 2 * lr * (m * xx + b * mx - xy), b - 2 * lr * (m * mx + b - my)


@alternative(of="line_step")
def line_by_helper(m, b, x, y, lr):
    def derivative(weights):
        return sum(2 * (m * u + b - v) * w for u, v, w in zip(x, y, weights, strict=True)) / len(x)

    return [m - lr * derivative(x), b - lr * derivative(np.ones_like(x))]


@alternative(of="line_step")
def line_by_einsum(m, b, x, y, lr):
    inputs = np.stack([x, np.ones_like(x)])
    residual = np.einsum("kn,k->n", inputs, [m, b]) - y
    dm, db = np.einsum("kn,n->k", inputs, residual) * 2 / len(x)
    return np.array(m - lr * dm), np.array(b - lr * db)


# ---- gradient_descent ------------------------------------------------------------------------------------------


@alternative(of="gradient_descent")
def descent_by_list(grad, x0, lr, steps):
    path = [x0]
    while len(path) <= steps:
        path.append(path[-1] - lr * grad(path[-1]))
    return np.stack(path)


@alternative(of="gradient_descent")
def descent_in_place(grad, x0, lr, steps):
    x = x0.copy()
    path = np.zeros((steps + 1, x0.size))
    for t in range(steps):
        path[t] = x
        x -= lr * grad(x)
    path[steps] = x
    return path


@alternative(of="gradient_descent")
def descent_by_recursion(grad, x0, lr, steps):
    if steps == 0:
        return x0[None, :]
    return np.concatenate([x0[None, :], descent_by_recursion(grad, x0 - lr * grad(x0), lr, steps - 1)])


@alternative(of="gradient_descent")
def descent_by_accumulate(grad, x0, lr, steps):
    return np.array(list(accumulate(range(steps), lambda x, _: x - lr * grad(x), initial=x0)))


@alternative(of="gradient_descent")
def descent_by_vstack(grad, x0, lr, steps):
    path = x0.reshape(1, -1)
    for _ in range(steps):
        path = np.vstack((path, path[-1] - np.multiply(lr, grad(path[-1]))))
    return path


@alternative(of="gradient_descent")
def descent_with_torch(grad, x0, lr, steps):
    x = torch.tensor(x0)
    path = [x.clone()]
    optimiser = torch.optim.SGD([x], lr=lr)
    for _ in range(steps):
        x.grad = torch.tensor(grad(x.numpy().copy()))
        optimiser.step()
        path.append(x.clone())
    return torch.stack(path).numpy()


@alternative(of="gradient_descent")
def descent_coordinate_by_coordinate(grad, x0, lr, steps):
    path = [list(x0)]
    for _ in range(steps):
        slope = grad(np.array(path[-1]))
        path.append([place - lr * slope[i] for i, place in enumerate(path[-1])])
    return np.array(path)


# ---- sgd_epoch -------------------------------------------------------------------------------------------------


def softmax(Z):
    E = np.exp(Z - np.max(Z, axis=-1, keepdims=True))
    return E / np.sum(E, axis=-1, keepdims=True)


@alternative(of="sgd_epoch")
def sgd_by_autograd(X, y, W, lr, batch):
    W = torch.tensor(W)
    for rows, labels in zip(torch.tensor(X).split(batch), torch.tensor(y).split(batch), strict=True):
        weights = W.clone().requires_grad_()
        torch.nn.functional.cross_entropy(rows @ weights, labels).backward()
        W = W - lr * weights.grad
    return W.numpy()


@alternative(of="sgd_epoch")
def sgd_by_optimiser(X, y, W, lr, batch):
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    weights = leaf(W)
    optimiser = torch.optim.SGD([weights], lr=lr)
    for rows, labels in torch.utils.data.DataLoader(data, batch_size=batch):
        optimiser.zero_grad()
        (-torch.log_softmax(rows @ weights, dim=1)[torch.arange(len(labels)), labels]).mean().backward()
        optimiser.step()
    return weights.detach().numpy()


@alternative(of="sgd_epoch")
def sgd_looped(X, y, W, lr, batch):
    W = W.copy()
    start = 0
    while start < len(y):
        stop = min(start + batch, len(y))
        G = np.zeros_like(W)
        for i in range(start, stop):
            p = softmax(X[i] @ W)
            for j in range(W.shape[1]):
                G[:, j] += X[i] * (p[j] - (j == y[i]))
        W -= lr * G / (stop - start)
        start = stop
    return W


@alternative(of="sgd_epoch")
def sgd_by_einsum(X, y, W, lr, batch):
    targets = (y[:, None] == np.arange(W.shape[1])).astype(float)
    for first in np.arange(0, len(X), batch):
        chosen = slice(first, first + batch)
        error = softmax(np.einsum("nd,dk->nk", X[chosen], W)) - targets[chosen]
        W = W - lr * np.einsum("nd,nk->dk", X[chosen], error) / error.shape[0]
    return W


@alternative(of="sgd_epoch")
def sgd_by_recursion(X, y, W, lr, batch):
    if len(X) == 0:
        return W
    rows, labels = X[:batch], y[:batch]
    error = softmax(rows @ W)
    error[range(len(labels)), labels] -= 1
    return sgd_by_recursion(X[batch:], y[batch:], W - lr * rows.T @ error / len(labels), lr, batch)


@alternative(of="sgd_epoch")
def sgd_by_array_split(X, y, W, lr, batch):
    borders = range(batch, len(X), batch)

    def step(W, part):
        rows, labels = part
        logits = rows @ W
        logits = logits - logits.max(axis=1)[:, None]
        log_p = logits - np.log(np.exp(logits).sum(axis=1))[:, None]
        outer = [np.outer(x, np.exp(l) - np.eye(len(l))[c]) for x, l, c in zip(rows, log_p, labels, strict=True)]
        return W - lr * np.mean(outer, axis=0)

    return reduce(step, zip(np.split(X, borders), np.split(y, borders), strict=True), W)
