"""Two graph convolutions in numpy with gradients by hand: quick, for wrong answers and as a right one."""

import numpy as np


def propagation(A):
    """D^-1/2 (A + I) D^-1/2."""
    loops = A + np.eye(len(A))
    root = 1 / np.sqrt(loops.sum(axis=1))
    return root[:, None] * loops * root


def logits_of(S, X, rows, classes, k, rng, *, epochs=80, rate=0.05, weights=None):
    """Logits [n, k] after `epochs` steps of Adam on the cross entropy at `rows`; S is the matrix that mixes nodes.

    `weights` are those to begin with, four arrays that are trained in place; drawn by rng where there are none.
    """
    W = first_weights(X.shape[1], k, rng) if weights is None else weights
    moments = [(np.zeros_like(w), np.zeros_like(w)) for w in W]
    target = np.eye(k)[classes]
    mixed = S @ X
    for t in range(1, epochs + 1):
        hidden, logits = _forward(S, mixed, W)
        exponentials = np.exp(logits[rows] - logits[rows].max(axis=1, keepdims=True))
        d_logits = np.zeros_like(logits)
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        np.add.at(d_logits, rows, (probabilities - target) / len(rows))
        d_hidden = (S.T @ d_logits @ W[2].T) * (hidden > 0)
        gradients = [mixed.T @ d_hidden, d_hidden.sum(axis=0), (S @ hidden).T @ d_logits, d_logits.sum(axis=0)]
        for w, g, (m, v) in zip(W, gradients, moments, strict=True):
            g = g + 5e-4 * w
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            w -= rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return _forward(S, mixed, W)[1]


def first_weights(features, k, rng, hidden=16):
    """Glorot's uniform weights, and biases of zero."""
    shapes = ((features, hidden), (hidden,), (hidden, k), (k,))
    return [rng.uniform(-1, 1, s) * np.sqrt(6 / sum(s)) if len(s) == 2 else np.zeros(s) for s in shapes]


def _forward(S, mixed, W):
    hidden = np.maximum(mixed @ W[0] + W[1], 0)
    return hidden, S @ hidden @ W[2] + W[3]
