"""Wrong answers to gcn_layer. Several were met in the wild: in PyG itself, in pygcn, in GeometricFlux."""

import numpy as np

from assay.checks import mutant


def _loops(A):
    return A + np.eye(len(A))


def _inverse(numbers):
    """1 / number, and 0 for 0."""
    return np.divide(1.0, numbers, out=np.zeros_like(numbers), where=numbers != 0)


def _scaled(left, operator, right):
    return left[:, None] * operator * right


@mutant(of="gcn_layer", says="Your degrees are those of A. Count the self loop too: the degrees are those of A + I.")
def degree_without_loop(A, H, W):
    root = _inverse(np.sqrt(A.sum(axis=1)))
    return _scaled(root, _loops(A), root) @ H @ W


@mutant(
    of="gcn_layer",
    says="Your degrees are those of A, and 0 for nodes without neighbours. Count the self loop: take those of A + I.",
)
def degree_without_loop_unguarded(A, H, W):
    with np.errstate(all="ignore"):
        root = np.diag(1 / np.sqrt(A.sum(axis=1)))
        return root @ _loops(A) @ root @ H @ W


@mutant(of="gcn_layer", says="You divide by the degree of the receiving node alone, which is the mean: D^-1 (A + I).")
def row_normalised(A, H, W):
    loops = _loops(A)
    return loops / loops.sum(axis=1, keepdims=True) @ H @ W


@mutant(of="gcn_layer", says="You divide by the degree of the sending node alone: (A + I) D^-1.")
def column_normalised(A, H, W):
    loops = _loops(A)
    return loops / loops.sum(axis=0) @ H @ W


@mutant(of="gcn_layer", says="The self loops are missing: a node does not hear itself. Use A + I.")
def without_self_loops(A, H, W):
    root = _inverse(np.sqrt(A.sum(axis=1)))
    return _scaled(root, A, root) @ H @ W


@mutant(of="gcn_layer", says="The self loops are missing, and nodes without neighbours are divided by 0. Use A + I.")
def without_self_loops_unguarded(A, H, W):
    with np.errstate(all="ignore"):
        root = np.diag(1 / np.sqrt(A.sum(axis=1)))
        return root @ A @ root @ H @ W


@mutant(of="gcn_layer", says="You add up neighbours and node without dividing by the degrees.")
def not_normalised(A, H, W):
    return _loops(A) @ H @ W


@mutant(of="gcn_layer", says="This is A H W: neither self loops nor degrees.")
def neighbours_added_up(A, H, W):
    return A @ H @ W


@mutant(
    of="gcn_layer", says="You take the Laplacian I - D^-1/2 A D^-1/2. A GCN uses the adjacency matrix with self loops."
)
def laplacian(A, H, W):
    root = _inverse(np.sqrt(A.sum(axis=1)))
    return (np.eye(len(A)) - _scaled(root, A, root)) @ H @ W


@mutant(of="gcn_layer", says="Every node has two self loops: I was added twice.")
def two_self_loops(A, H, W):
    loops = A + 2 * np.eye(len(A))
    root = 1 / np.sqrt(loops.sum(axis=1))
    return _scaled(root, loops, root) @ H @ W


@mutant(
    of="gcn_layer", says="You add the self loops after dividing by the degrees: I + D^-1/2 A D^-1/2. Add them first."
)
def loops_added_last(A, H, W):
    root = _inverse(np.sqrt(A.sum(axis=1)))
    return (np.eye(len(A)) + _scaled(root, A, root)) @ H @ W


@mutant(of="gcn_layer", says="This layer has no activation, but you apply a ReLU.")
def with_relu(A, H, W):
    loops = _loops(A)
    root = 1 / np.sqrt(loops.sum(axis=1))
    return np.maximum(_scaled(root, loops, root) @ H @ W, 0)


@mutant(of="gcn_layer", says="You multiply by the roots of the degrees. Divide by them: the exponent is -1/2.")
def multiplied_by_roots(A, H, W):
    loops = _loops(A)
    root = np.sqrt(loops.sum(axis=1))
    return _scaled(root, loops, root) @ H @ W


@mutant(of="gcn_layer", says="You divide by the degree on both sides. Divide by its root on both sides: D^-1/2.")
def degrees_on_both_sides(A, H, W):
    loops = _loops(A)
    degree = 1 / loops.sum(axis=1)
    return _scaled(degree, loops, degree) @ H @ W


@mutant(of="gcn_layer", says="You divide by the root of the degree on the left alone. It belongs on both sides.")
def root_on_one_side(A, H, W):
    loops = _loops(A)
    return loops / np.sqrt(loops.sum(axis=1, keepdims=True)) @ H @ W


@mutant(of="gcn_layer", says="You take the mean of the neighbours and leave the node itself out.")
def mean_of_neighbours(A, H, W):
    return A * _inverse(A.sum(axis=1))[:, None] @ H @ W


@mutant(of="gcn_layer", says="Nodes without neighbours become 0. Their self loop is left: they keep their features.")
def lonely_nodes_silenced(A, H, W):
    loops = _loops(A)
    root = np.where(A.sum(axis=1) > 0, 1 / np.sqrt(loops.sum(axis=1)), 0.0)
    return _scaled(root, loops, root) @ H @ W


@mutant(of="gcn_layer", says="You divide by the root of the number of nodes instead of the degrees of the nodes.")
def number_of_nodes(A, H, W):
    return _loops(A) @ H @ W / len(A)


@mutant(of="gcn_layer", says="You divide all nodes by the mean degree. Each node has a degree of its own.")
def mean_degree(A, H, W):
    loops = _loops(A)
    return loops @ H @ W / loops.sum(axis=1).mean()


@mutant(of="gcn_layer", says="The weights are missing: multiply by W.")
def without_weights(A, H, W):
    loops = _loops(A)
    root = 1 / np.sqrt(loops.sum(axis=1))
    return _scaled(root, loops, root) @ H


@mutant(
    of="gcn_layer",
    says="The small number that you add to the degrees changes the result. With self loops no degree is 0.",
)
def small_number_added(A, H, W):
    loops = _loops(A)
    root = 1 / np.sqrt(loops.sum(axis=1) + 1e-5)
    return _scaled(root, loops, root) @ H @ W


@mutant(
    of="gcn_layer", says="D ** -0.5 takes the root of every entry, and 0 ** -0.5 is infinite. Take it of the diagonal."
)
def power_of_every_entry(A, H, W):
    loops = _loops(A)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.diag(loops.sum(axis=1)) ** -0.5
        return root @ loops @ root @ H @ W


@mutant(of="gcn_layer", says="Your output has dtype float32. Keep the dtype of the input, float64.")
def layer_in_single_precision(A, H, W):
    loops = _loops(A)
    root = 1 / np.sqrt(loops.sum(axis=1))
    return (_scaled(root, loops, root) @ H @ W).astype(np.float32)


@mutant(
    of="gcn_layer", says="You write the self loops into the array that you were given. Work on a copy: A + np.eye(n)."
)
def loops_in_place(A, H, W):
    np.fill_diagonal(A, 1.0)
    root = 1 / np.sqrt(A.sum(axis=1))
    return _scaled(root, A, root) @ H @ W


@mutant(
    of="gcn_layer",
    says="Each edge is used in one direction alone, from the smaller number to the larger. A is symmetric.",
)
def edges_one_way(A, H, W):
    loops = np.tril(_loops(A))
    root = 1 / np.sqrt(_loops(A).sum(axis=1))
    return _scaled(root, loops, root) @ H @ W
