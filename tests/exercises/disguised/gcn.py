"""Known mistakes in graph layers, in other words: written from the sentence of each, not from its code."""

import numpy as np
import torch
from scipy.sparse import coo_matrix, csr_matrix, diags, identity
from scipy.special import softmax

from tests.support.diagnosis import disguise

# ---- gcn_layer -------------------------------------------------------------------------------------------------


@disguise("gcn_layer", "row_normalised")
def mean_over_the_neighbourhood(A, H, W):
    return np.array([np.mean([H[j] for j in range(len(A)) if A[i, j] or i == j], axis=0) for i in range(len(A))]) @ W


@disguise("gcn_layer", "degree_without_loop")
def sparse_with_the_degrees_of_A(A, H, W):
    degrees = np.asarray(A.sum(axis=0)).ravel()
    root = diags([1 / d**0.5 if d else 0.0 for d in degrees])
    return (root @ (csr_matrix(A) + identity(len(A))) @ root) @ (H @ W)


@disguise("gcn_layer", "not_normalised")
def messages_added(A, H, W):
    out = H @ W
    messages = out.copy()
    for to, source in zip(*np.nonzero(A), strict=True):
        out[to] += messages[source]
    return out


@disguise("gcn_layer", "with_relu")
def activated(A, H, W):
    A = torch.tensor(A) + torch.eye(len(A), dtype=torch.float64)
    root = A.sum(1).rsqrt()
    return torch.relu(torch.einsum("i,ij,j,jf,fg->ig", root, A, root, torch.tensor(H), torch.tensor(W))).numpy()


@disguise("gcn_layer", "loops_added_last")
def itself_on_top(A, H, W):
    n = len(A)
    degree = [sum(A[i]) for i in range(n)]
    Z = H.dot(W)
    out = Z.copy()
    for i in range(n):
        for j in range(n):
            if A[i, j]:
                out[i] += Z[j] / np.sqrt(degree[i] * degree[j])
    return out


@disguise("gcn_layer", "degrees_on_both_sides")
def by_pseudo_inverse(A, H, W):
    loops = np.where(np.eye(len(A)) == 1, 1, A)
    D = np.linalg.pinv(np.diag(loops.sum(axis=1)))
    return np.linalg.multi_dot([D, loops, D, H, W])


# ---- gat_layer -------------------------------------------------------------------------------------------------


def neighbourhoods(A):
    return [[j for j in range(len(A)) if A[i, j] or i == j] for i in range(len(A))]


@disguise("gat_layer", "source_and_target_swapped")
def halves_mixed_up(A, H, W, a_src, a_dst, slope=0.2):
    Z, rows = H @ W, []
    for i, others in enumerate(neighbourhoods(A)):
        scores = np.array([Z[i] @ a_src + Z[j] @ a_dst for j in others])
        scores[scores < 0] *= slope
        rows.append(softmax(scores) @ Z[others])
    return np.array(rows)


@disguise("gat_layer", "without_leaky_relu")
def scores_as_they_are(A, H, W, a_src, a_dst, slope=0.2):
    Z = torch.tensor(H) @ torch.tensor(W)
    scores = (Z @ torch.tensor(a_dst)).reshape(-1, 1) + Z @ torch.tensor(a_src)
    scores = scores.masked_fill(torch.tensor(A) + torch.eye(len(A)) == 0, -torch.inf)
    return (scores.softmax(dim=1) @ Z).numpy()


@disguise("gat_layer", "attends_to_everyone")
def no_mask(A, H, W, a_src, a_dst, slope=0.2):
    Z = np.einsum("nf,fg->ng", H, W)
    scores = np.add.outer(Z @ a_dst, Z @ a_src)
    return softmax(np.maximum(scores, 0) + slope * np.minimum(scores, 0), axis=1) @ Z


@disguise("gat_layer", "slope_fixed")
def slope_of_the_paper(A, H, W, a_src, a_dst, slope=0.2):
    Z, rows = H @ W, []
    for i, others in enumerate(neighbourhoods(A)):
        raw = [float(a_dst @ Z[i] + a_src @ Z[j]) for j in others]
        scores = np.array([value if value > 0 else value / 5 for value in raw])
        rows.append(softmax(scores) @ Z[others])
    return np.array(rows)


@disguise("gat_layer", "no_attention")
def equal_weights(A, H, W, a_src, a_dst, slope=0.2):
    return np.stack([(H[others] @ W).mean(axis=0) for others in neighbourhoods(A)])


@disguise("gat_layer", "with_elu")
def elu_by_torch(A, H, W, a_src, a_dst, slope=0.2):
    Z = torch.tensor(H @ W)
    scores = torch.nn.functional.leaky_relu((Z @ torch.tensor(a_dst))[:, None] + (Z @ torch.tensor(a_src)), slope)
    mask = torch.tensor(A, dtype=torch.bool) | torch.eye(len(A), dtype=torch.bool)
    weights = torch.where(mask, scores, torch.tensor(float("-inf"), dtype=torch.float64)).softmax(-1)
    return torch.nn.functional.elu(weights @ Z).numpy()


# ---- graph_mean_pool -------------------------------------------------------------------------------------------


@disguise("graph_mean_pool", "sum_pooling")
def added_in_place(H, batch, n_graphs):
    out = np.zeros((n_graphs, H.shape[1]))
    np.add.at(out, batch, H)
    return out


@disguise("graph_mean_pool", "max_pooling")
def largest_by_loops(H, batch, n_graphs):
    out = np.zeros((n_graphs, H.shape[1]))
    for g in set(batch.tolist()):
        for column in range(H.shape[1]):
            out[g, column] = max(H[i, column] for i in range(len(H)) if batch[i] == g)
    return out


@disguise("graph_mean_pool", "divided_by_all_nodes")
def by_sparse_product(H, batch, n_graphs):
    n = len(batch)
    return coo_matrix((np.full(n, 1 / n), (batch, np.arange(n))), shape=(n_graphs, n)) @ H


@disguise("graph_mean_pool", "empty_graph_is_nan")
def plain_means(H, batch, n_graphs):
    sizes = np.bincount(batch, minlength=n_graphs)
    columns = [np.bincount(batch, weights=column, minlength=n_graphs) for column in H.T]
    with np.errstate(all="ignore"):
        return np.array(columns).T / sizes.reshape(-1, 1)


@disguise("graph_mean_pool", "rows_from_batch")
def as_many_as_seen(H, batch, n_graphs):
    rows = []
    for g in range(max(batch) + 1):
        mine = [h for h, number in zip(H, batch, strict=True) if number == g]
        rows.append(sum(mine) / len(mine) if mine else np.zeros(H.shape[1]))
    return np.array(rows)


@disguise("graph_mean_pool", "median_pooling")
def middle_value(H, batch, n_graphs):
    out = np.zeros((n_graphs, H.shape[1]))
    for g in range(n_graphs):
        mine = np.sort(H[batch == g], axis=0)
        if len(mine):
            out[g] = (mine[(len(mine) - 1) // 2] + mine[len(mine) // 2]) / 2
    return out
