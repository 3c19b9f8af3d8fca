"""Right answers to gcn_layer, gat_layer and graph_mean_pool, written differently."""

import numpy as np
import torch
from torch_geometric.nn import GATConv, GCNConv, global_mean_pool

from assay.checks import alternative


def _edges(A):
    """Edge list with self loops, int64 [2, E]."""
    return torch.from_numpy(np.array(np.nonzero(A)))


@alternative(of="gcn_layer")
def node_by_node(A, H, W):
    n = len(A)
    degree = [1 + int(A[i].sum()) for i in range(n)]
    out = np.zeros((n, W.shape[1]))
    for i in range(n):
        for j in range(n):
            if i == j or A[i, j]:
                out[i] += H[j] @ W / (degree[i] * degree[j]) ** 0.5
    return out


@alternative(of="gcn_layer")
def matrices_as_on_paper(A, H, W):
    loops = A.copy()
    np.fill_diagonal(loops, 1.0)
    root = np.diag(loops.sum(axis=0) ** -0.5)
    return root @ loops @ root @ H @ W


@alternative(of="gcn_layer")
def divided_by_an_outer_product(A, H, W):
    loops = A + np.identity(A.shape[0])
    degree = np.einsum("ij->i", loops)
    return np.einsum("ij,jf,fg->ig", loops / np.sqrt(np.outer(degree, degree)), H, W)


@alternative(of="gcn_layer")
def along_an_edge_list(A, H, W):
    to, sender = np.nonzero(A + np.eye(len(A)))
    degree = np.bincount(to, minlength=len(A))
    messages = (H @ W)[sender] / np.sqrt(degree[to] * degree[sender])[:, None]
    out = np.zeros((len(A), W.shape[1]))
    np.add.at(out, to, messages)
    return out


@alternative(of="gcn_layer")
def gcn_conv_of_pyg(A, H, W):
    layer = GCNConv(*W.shape, bias=False).double()
    with torch.no_grad():
        layer.lin.weight.copy_(torch.from_numpy(W.T.copy()))
        return layer(torch.from_numpy(H), _edges(A)).numpy()


@alternative(of="gat_layer")
def neighbour_by_neighbour(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    out = np.zeros_like(Z)
    for i in range(len(A)):
        heard = [j for j in range(len(A)) if A[i, j] or i == j]
        scores = np.array([a_dst @ Z[i] + a_src @ Z[j] for j in heard])
        scores = np.where(scores < 0, slope * scores, scores)
        weights = np.exp(scores - max(scores))
        out[i] = weights / weights.sum() @ Z[heard]
    return out


@alternative(of="gat_layer")
def concatenated_as_in_the_paper(A, H, W, a_src, a_dst, slope=0.2):
    Z, n, a = H @ W, len(A), np.concatenate([a_dst, a_src])
    pairs = np.concatenate([np.repeat(Z, n, axis=0), np.tile(Z, (n, 1))], axis=1)
    scores = (pairs @ a).reshape(n, n)
    scores = np.maximum(scores, 0) + slope * np.minimum(scores, 0)
    scores[(A == 0) & ~np.eye(n, dtype=bool)] = -np.inf
    scores -= scores.max(axis=1)[:, None]
    return np.exp(scores) @ Z / np.exp(scores).sum(axis=1)[:, None]


@alternative(of="gat_layer")
def logarithms_of_sums(A, H, W, a_src, a_dst, slope=0.2):
    Z = H @ W
    scores = np.add.outer(Z @ a_dst, Z @ a_src)
    scores = scores * np.where(scores > 0, 1.0, slope)
    with np.errstate(divide="ignore"):
        scores = scores + np.log(A + np.eye(len(A)))
    return np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)) @ Z


@alternative(of="gat_layer")
def softmax_of_torch(A, H, W, a_src, a_dst, slope=0.2):
    A, Z, a_src, a_dst = map(torch.from_numpy, (A, H @ W, a_src, a_dst))
    scores = torch.nn.functional.leaky_relu((Z @ a_dst)[:, None] + (Z @ a_src)[None], slope)
    mask = (A + torch.eye(len(A))) == 0
    return (scores.masked_fill(mask, float("-inf")).softmax(dim=1) @ Z).numpy()


@alternative(of="gat_layer")
def gat_conv_of_pyg(A, H, W, a_src, a_dst, slope=0.2):
    layer = GATConv(*W.shape, bias=False, negative_slope=slope).double()
    with torch.no_grad():
        layer.lin.weight.copy_(torch.from_numpy(W.T.copy()))
        layer.att_src.copy_(torch.from_numpy(a_src))
        layer.att_dst.copy_(torch.from_numpy(a_dst))
        return layer(torch.from_numpy(H), _edges(A)).numpy()


@alternative(of="graph_mean_pool")
def graph_by_graph(H, batch, n_graphs):
    out = np.zeros((n_graphs, H.shape[1]))
    for g in range(n_graphs):
        if (batch == g).any():
            out[g] = H[batch == g].mean(axis=0)
    return out


@alternative(of="graph_mean_pool")
def added_at(H, batch, n_graphs):
    sums, counts = np.zeros((n_graphs, H.shape[1])), np.zeros(n_graphs)
    np.add.at(sums, batch, H)
    np.add.at(counts, batch, 1)
    counts[counts == 0] = 1
    return sums / counts[:, None]


@alternative(of="graph_mean_pool")
def counted_by_column(H, batch, n_graphs):
    counts = np.bincount(batch, minlength=n_graphs)
    columns = [np.bincount(batch, weights=column, minlength=n_graphs) for column in H.T]
    return np.stack(columns, axis=1) / np.where(counts == 0, 1, counts)[:, None]


@alternative(of="graph_mean_pool")
def running_mean(H, batch, n_graphs):
    mean, seen = np.zeros((n_graphs, H.shape[1])), [0] * n_graphs
    for row, g in zip(H, batch, strict=True):
        seen[g] += 1
        mean[g] += (row - mean[g]) / seen[g]
    return mean


@alternative(of="graph_mean_pool")
def global_mean_pool_of_pyg(H, batch, n_graphs):
    return global_mean_pool(torch.from_numpy(H), torch.from_numpy(batch), size=n_graphs).numpy()
