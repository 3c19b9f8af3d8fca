"""Wrong answers to gat_layer."""

import numpy as np

from assay.checks import mutant


def _leaky(scores, slope):
    return np.where(scores > 0, scores, slope * scores)


def _scores(Z, a_src, a_dst):
    return (Z @ a_dst)[:, None] + (Z @ a_src)[None, :]


def _loops(A):
    return A + np.eye(len(A))


def _softmax(scores, mask):
    """Along rows, over the entries where mask is not 0."""
    scores = np.where(mask > 0, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


@mutant(
    of="gat_layer", says="a_src and a_dst are swapped: a_dst belongs to the node that listens, a_src to the one heard."
)
def source_and_target_swapped(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_dst, a_src), slope), _loops(A)) @ Z


@mutant(of="gat_layer", says="The self loops are missing: a node does not hear itself.")
def attention_without_self_loops(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    weights = np.where(A > 0, np.exp(_leaky(_scores(Z, a_src, a_dst), slope)), 0.0)
    sums = weights.sum(axis=1, keepdims=True)
    return weights / np.where(sums > 0, sums, 1) @ Z


@mutant(
    of="gat_layer", says="The self loops are missing, so nodes without neighbours have nobody to hear and give nan."
)
def attention_without_self_loops_unguarded(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    with np.errstate(all="ignore"):
        return _softmax(_leaky(_scores(Z, a_src, a_dst), slope), A) @ Z


@mutant(of="gat_layer", says="The LeakyReLU is missing: the softmax is taken of the plain scores.")
def without_leaky_relu(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_scores(Z, a_src, a_dst), _loops(A)) @ Z


@mutant(of="gat_layer", says="This is a ReLU: negative scores become 0. LeakyReLU keeps slope times the score.")
def plain_relu(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(np.maximum(_scores(Z, a_src, a_dst), 0), _loops(A)) @ Z


@mutant(of="gat_layer", says="Your slope is 0.01, PyTorch's default. Use the argument slope.")
def slope_of_pytorch(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), 0.01), _loops(A)) @ Z


@mutant(of="gat_layer", says="Your slope is always 0.2. Use the argument slope.")
def slope_fixed(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), 0.2), _loops(A)) @ Z


@mutant(of="gat_layer", says="The default of slope is 0.2, not 0.01.")
def default_slope_of_pytorch(A, H, W, a_src, a_dst, slope=0.01):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope), _loops(A)) @ Z


@mutant(of="gat_layer", says="The softmax runs over all nodes. A node attends to its neighbours and itself alone.")
def attends_to_everyone(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope), np.ones_like(A)) @ Z


@mutant(
    of="gat_layer", says="Where there is no edge you set the score to 0, and exp(0) is 1. Set it to minus infinity."
)
def masked_with_zero(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope) * _loops(A), np.ones_like(A)) @ Z


@mutant(of="gat_layer", says="You mask after the softmax over all nodes, so the weights of a node do not add up to 1.")
def masked_after_softmax(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope), np.ones_like(A)) * _loops(A) @ Z


@mutant(
    of="gat_layer", says="Your softmax runs along the wrong axis: the weights of what a node hears should add up to 1."
)
def softmax_over_listeners(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope).T, _loops(A)).T @ Z


@mutant(of="gat_layer", says="The output is transposed in its edges: node i takes the weights that others give to it.")
def weights_transposed(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope), _loops(A)).T @ Z


@mutant(of="gat_layer", says="You take the exponential without subtracting the largest score first, so it overflows.")
def exponential_overflows(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    with np.errstate(all="ignore"):
        weights = np.exp(_leaky(_scores(Z, a_src, a_dst), slope)) * _loops(A)
        return weights / weights.sum(axis=1, keepdims=True) @ Z


@mutant(
    of="gat_layer",
    says="You subtract the largest score of the whole graph. For nodes with small scores every exponential is then 0.",
)
def one_maximum_for_all(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    scores = _leaky(_scores(Z, a_src, a_dst), slope)
    with np.errstate(all="ignore"):
        weights = np.exp(scores - scores.max()) * _loops(A)
        return weights / weights.sum(axis=1, keepdims=True) @ Z


@mutant(
    of="gat_layer",
    says="The largest score that you subtract is over all nodes of a row, also those that are no neighbours.",
)
def maximum_over_strangers(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    scores = _leaky(_scores(Z, a_src, a_dst), slope)
    with np.errstate(all="ignore"):
        weights = np.exp(scores - scores.max(axis=1, keepdims=True)) * _loops(A)
        return weights / weights.sum(axis=1, keepdims=True) @ Z


@mutant(of="gat_layer", says="All neighbours get the same weight: this is a mean, without attention.")
def no_attention(A, H, W, a_src, a_dst, slope=0.2):
    loops = _loops(A)
    return loops / loops.sum(axis=1, keepdims=True) @ H @ W


@mutant(
    of="gat_layer",
    says="Only a_src enters your scores. Add a_dst . z_i of the node that listens, before the LeakyReLU.",
)
def target_forgotten(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(np.broadcast_to(Z @ a_src, A.shape), slope), _loops(A)) @ Z


@mutant(of="gat_layer", says="The LeakyReLU is applied to each half of the score. Add the halves first.")
def leaky_before_the_sum(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    scores = _leaky(Z @ a_dst, slope)[:, None] + _leaky(Z @ a_src, slope)[None, :]
    return _softmax(scores, _loops(A)) @ Z


@mutant(of="gat_layer", says="The halves of the score are multiplied. Add them.")
def scores_multiplied(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(np.outer(Z @ a_dst, Z @ a_src), slope), _loops(A)) @ Z


@mutant(of="gat_layer", says="This layer has no activation at its end, but you apply an ELU.")
def with_elu(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    out = _softmax(_leaky(_scores(Z, a_src, a_dst), slope), _loops(A)) @ Z
    return np.where(out > 0, out, np.expm1(np.minimum(out, 0)))


@mutant(of="gat_layer", says="You divide by the degree as well. The softmax has normalised already.")
def divided_by_degree(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    loops = _loops(A)
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope), loops) / loops.sum(axis=1, keepdims=True) @ Z


@mutant(of="gat_layer", says="Your output has dtype float32. Keep the dtype of the input, float64.")
def attention_in_single_precision(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return (_softmax(_leaky(_scores(Z, a_src, a_dst), slope), _loops(A)) @ Z).astype(np.float32)


@mutant(
    of="gat_layer", says="You write the self loops into the array that you were given. Work on a copy: A + np.eye(n)."
)
def attention_loops_in_place(A, H, W, a_src, a_dst, slope=0.2):
    np.fill_diagonal(A, 1.0)
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope), A) @ Z


@mutant(of="gat_layer", says="A node without neighbours becomes 0. It attends to itself, with weight 1.")
def lonely_nodes_unheard(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    weights = _softmax(_leaky(_scores(Z, a_src, a_dst), slope), _loops(A))
    return (weights * A.any(axis=1)[:, None]) @ Z


@mutant(
    of="gat_layer",
    says="Each edge is used in one direction alone, from the smaller number to the larger. A is symmetric.",
)
def attention_one_way(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    return _softmax(_leaky(_scores(Z, a_src, a_dst), slope), np.tril(_loops(A))) @ Z
