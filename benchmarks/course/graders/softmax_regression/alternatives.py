"""Right answers written differently."""

import numpy as np

from assay.checks import alternative


@alternative(of="linear")
def linear_by_einsum(X, W, b):
    return np.einsum("nd,dk->nk", X, W) + b[None, :]


@alternative(of="linear")
def linear_looped(X, W, b):
    result = np.zeros((len(X), len(b)))
    for i in range(len(X)):
        for j in range(len(b)):
            result[i, j] = sum(X[i, r] * W[r, j] for r in range(X.shape[1])) + b[j]
    return result


@alternative(of="linear_backward")
def backward_by_einsum(X, W, G):
    return np.einsum("nk,dk->nd", G, W), np.einsum("nd,nk->dk", X, G), np.einsum("nk->k", G)


@alternative(of="linear_backward")
def backward_row_by_row(X, W, G):
    dW = sum(np.outer(x, g) for x, g in zip(X, G, strict=True))
    return np.stack([W @ g for g in G]), dW, np.ones(len(G)) @ G


@alternative(of="cross_entropy")
def entropy_by_log_sum_exp(logits, labels):
    return float(np.mean(np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(labels)), labels]))


@alternative(of="cross_entropy")
def entropy_row_by_row(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        top = row.max()
        total += top + np.log(sum(np.exp(value - top) for value in row)) - row[label]
    return total / len(labels)


@alternative(of="adam_step")
def adam_by_coordinate(x, g, m, v, t, lr):
    first, second, place = np.empty_like(m), np.empty_like(v), np.empty_like(x)
    for i in range(len(x)):
        first[i] = m[i] * 0.9 + g[i] * 0.1
        second[i] = v[i] * 0.999 + g[i] * g[i] * 0.001
        place[i] = x[i] - lr * first[i] / (1 - 0.9**t) / (np.sqrt(second[i] / (1 - 0.999**t)) + 1e-8)
    return place, first, second
