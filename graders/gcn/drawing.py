"""How graphs are drawn: small, with lonely nodes or without, and larger ones that fall into communities."""

from assay.checks import *

LAW = 10  # examples of a check that few are enough for: laws, and arguments left alone
SIZES = {"n": (1, 6), "f": (1, 3), "g": (1, 3)}


def no_lonely_nodes(a):
    """Whether every node has a neighbour."""
    return bool(a["A"].any(axis=1).all())


def some_lonely_nodes(a):
    return not no_lonely_nodes(a)


def cycle(n):
    """The adjacency matrix of n >= 3 nodes in a ring."""
    ring = np.roll(np.eye(n), 1, axis=1)
    return ring + ring.T


def side_by_side(first, second):
    """The adjacency matrix of two graphs without an edge between them."""
    n, m = len(first), len(second)
    return np.block([[first, np.zeros((n, m))], [np.zeros((m, n)), second]])
