"""Wrong answers to `sgd_epoch`."""

import numpy as np
from reference import sgd_epoch

from assay.checks import mutant


def _softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def _gradient(X, y, W):
    return X.T @ (_softmax(X @ W) - np.eye(W.shape[1])[y]) / len(X)


def _batches(X, y, batch):
    return [(X[start : start + batch], y[start : start + batch]) for start in range(0, len(X), batch)]


@mutant(of="sgd_epoch", says="You sum over the batch. The loss is a mean, so divide by the samples in it.")
def sgd_summed(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        W = W - lr * len(rows) * _gradient(rows, labels, W)
    return W


@mutant(of="sgd_epoch", says="You divide by all n samples. The mean is over the batch.")
def sgd_divided_by_all(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        W = W - lr * _gradient(rows, labels, W) * len(rows) / len(X)
    return W


@mutant(of="sgd_epoch", says="The last batch is shorter, so divide by the samples it has, not by `batch`.")
def sgd_divided_by_batch(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        W = W - lr * _gradient(rows, labels, W) * len(rows) / batch
    return W


@mutant(of="sgd_epoch", says="You divide by n k: a mean over all entries. The mean is over the samples only.")
def sgd_mean_over_entries(X, y, W, lr, batch):
    return sgd_epoch(X, y, W, lr / W.shape[1], batch)


@mutant(of="sgd_epoch", says="You drop the samples left over at the end. They form a shorter last batch.")
def sgd_last_batch_dropped(X, y, W, lr, batch):
    kept = len(X) // batch * batch
    return sgd_epoch(X[:kept], y[:kept], W, lr, batch)


@mutant(of="sgd_epoch", says="The last batch is filled up with samples from before it. It is simply shorter.")
def sgd_last_batch_filled(X, y, W, lr, batch):
    for start in range(0, len(X), batch):
        start = max(min(start, len(X) - batch), 0)
        W = W - lr * _gradient(X[start : start + batch], y[start : start + batch], W)
    return W


@mutant(of="sgd_epoch", says="The step goes uphill: subtract the gradient, X^T (P - Y), not X^T (Y - P).")
def sgd_uphill(X, y, W, lr, batch):
    return sgd_epoch(X, y, W, -lr, batch)


@mutant(of="sgd_epoch", says="W -= ... changes the caller's weights. Copy them first.")
def sgd_weights_changed(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        W -= lr * _gradient(rows, labels, W)
    return W


@mutant(of="sgd_epoch", says="exp overflows for large logits: subtract the largest of each row first.")
def sgd_softmax_overflows(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        E = np.exp(rows @ W)
        W = W - lr * rows.T @ (E / E.sum(axis=1, keepdims=True) - np.eye(W.shape[1])[labels]) / len(rows)
    return W


@mutant(of="sgd_epoch", says="You subtract one maximum of the whole batch. A row far below it becomes 0 / 0.")
def sgd_one_maximum(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        Z = rows @ W
        E = np.exp(Z - Z.max())
        W = W - lr * rows.T @ (E / E.sum(axis=1, keepdims=True) - np.eye(W.shape[1])[labels]) / len(rows)
    return W


@mutant(of="sgd_epoch", says="Your softmax normalises the columns. The probabilities of a sample, a row, add up to 1.")
def sgd_softmax_over_samples(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        P = _softmax((rows @ W).T).T
        W = W - lr * rows.T @ (P - np.eye(W.shape[1])[labels]) / len(rows)
    return W


@mutant(of="sgd_epoch", says="P[:, y] -= 1 subtracts from every row. Pair rows with labels: P[np.arange(len(y)), y].")
def sgd_one_hot_everywhere(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        P = _softmax(rows @ W)
        P[:, labels] -= 1
        W = W - lr * rows.T @ P / len(rows)
    return W


@mutant(of="sgd_epoch", says="The labels are missing from the gradient: it is X^T (P - Y), not X^T P.")
def sgd_labels_forgotten(X, y, W, lr, batch):
    for rows, _ in _batches(X, y, batch):
        W = W - lr * rows.T @ _softmax(rows @ W) / len(rows)
    return W


@mutant(of="sgd_epoch", says="All batches use the W from before the epoch. Each starts from what the last one left.")
def sgd_old_weights(X, y, W, lr, batch):
    return W - lr * sum(_gradient(rows, labels, W) for rows, labels in _batches(X, y, batch))


@mutant(of="sgd_epoch", says="You take one step over all samples, whatever `batch` is.")
def sgd_batch_ignored(X, y, W, lr, batch):
    return sgd_epoch(X, y, W, lr, len(X))


@mutant(of="sgd_epoch", says="You take one sample at a time, whatever `batch` is.")
def sgd_single_samples(X, y, W, lr, batch):
    return sgd_epoch(X, y, W, lr, 1)


@mutant(of="sgd_epoch", says="return stands inside the loop, so only the first batch is seen.")
def sgd_first_batch_only(X, y, W, lr, batch):
    return sgd_epoch(X[:batch], y[:batch], W, lr, batch)


@mutant(of="sgd_epoch", says="You shuffle. The task takes the samples in the order in which they come.")
def sgd_shuffled(X, y, W, lr, batch):
    order = np.random.default_rng(0).permutation(len(X))
    return sgd_epoch(X[order], y[order], W, lr, batch)


@mutant(of="sgd_epoch", says="That is the gradient of a squared error. For the cross entropy it is X^T (P - Y).")
def sgd_squared_error(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        P = _softmax(rows @ W)
        away = P - np.eye(W.shape[1])[labels]
        W = W - lr * 2 * rows.T @ (P * (away - (P * away).sum(axis=1, keepdims=True))) / len(rows)
    return W


@mutant(of="sgd_epoch", says="You take the softmax twice.")
def sgd_softmax_twice(X, y, W, lr, batch):
    for rows, labels in _batches(X, y, batch):
        W = W - lr * rows.T @ (_softmax(_softmax(rows @ W)) - np.eye(W.shape[1])[labels]) / len(rows)
    return W


@mutant(of="sgd_epoch", says="You return the weights after every batch. Only those after the last one are asked for.")
def sgd_every_batch(X, y, W, lr, batch):
    history = []
    for rows, labels in _batches(X, y, batch):
        W = W - lr * rows.T @ (_softmax(rows @ W) - np.eye(W.shape[1])[labels]) / len(rows)
        history.append(W)
    return np.array(history)
