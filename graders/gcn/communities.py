"""Graphs whose nodes fall into classes: drawn in secret, and Zachary's karate club. True classes never cross."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assay.checks import *
from assay.data import load

LEADERS = (0, 33)  # the instructor and the president of the club


@dataclass(frozen=True)
class Problem:
    """What fit_predict is given, and the truth that it is judged by."""

    A: np.ndarray  # float64 [n, n]
    X: np.ndarray  # float64 [n, f]
    labelled: np.ndarray  # int64 [k]
    truth: np.ndarray  # int64 [n]
    y: np.ndarray  # int64 [n]: the truth where it is labelled, elsewhere drawn at random

    @property
    def judged(self) -> np.ndarray:
        """The nodes whose class was not told."""
        return np.setdiff1d(np.arange(len(self.truth)), self.labelled)


def problem(rng, A, X, labelled, truth):
    """With an order of the labelled nodes, and noise at the others, drawn by rng."""
    noise = rng.integers(0, truth.max() + 1, len(truth))
    noise[labelled] = truth[labelled]
    return Problem(A, X, rng.permutation(labelled), truth, noise)


def karate(rng, *, renumbered=False, renamed=False):
    """The club with its leaders labelled; the nodes in another order, the classes swapped."""
    club = load("karate_club")
    order = rng.permutation(34) if renumbered else np.arange(34)
    truth = 1 - club.labels if renamed else club.labels
    leaders = np.flatnonzero(np.isin(order, LEADERS))
    return problem(rng, club.adjacency[np.ix_(order, order)], np.eye(34), leaders, truth[order])


def communities(rng, *, n, k, features=None):
    """A stochastic block model with k communities of n / k nodes, three of each labelled; X says nothing of them."""
    truth = rng.permutation(np.arange(n) % k)
    X = np.eye(n) if features is None else rng.standard_normal((n, features))
    A = edges(rng, np.where(truth[:, None] == truth, 0.5, 0.03))
    return problem(rng, A, X, some_of_each(rng, truth, 3), truth)


def told_by_features(rng, *, n=60, k=3):
    """No edges, but features that lie around a centre for each class."""
    truth = rng.permutation(np.arange(n) % k)
    X = 2.0 * np.eye(k + 1)[truth] + 0.3 * rng.standard_normal((n, k + 1))
    return problem(rng, np.zeros((n, n)), X, some_of_each(rng, truth, 3), truth)


def undecided(rng, *, n=200, k=4):
    """Edges, features and classes that have nothing to do with each other: the answer hangs on the first weights."""
    truth = rng.permutation(np.arange(n) % k)
    A = edges(rng, np.full((n, n), 2 / n))
    return problem(rng, A, rng.standard_normal((n, 8)), some_of_each(rng, truth, 2), truth)


def cut(given):
    """The same without its edges."""
    return replace(given, A=np.zeros_like(given.A))


def other_noise(rng, given):
    """The same with other numbers in y where nothing is labelled: every one of them is changed."""
    y, classes = given.y.copy(), given.truth.max() + 1
    y[given.judged] = (y[given.judged] + rng.integers(1, classes, len(given.judged))) % classes
    return replace(given, y=y)


def edges(rng, probability):
    """A symmetric adjacency matrix with edges drawn one by one."""
    upper = np.triu(rng.random(probability.shape) < probability, k=1)
    return (upper + upper.T).astype(np.float64)


def some_of_each(rng, truth, count):
    """The numbers of `count` nodes of every class."""
    return np.concatenate([rng.choice(np.flatnonzero(truth == c), count, replace=False) for c in np.unique(truth)])
