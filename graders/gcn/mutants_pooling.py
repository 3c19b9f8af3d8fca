"""Wrong answers to graph_mean_pool."""

import numpy as np

from assay.checks import mutant


def _belongs(batch, n_graphs):
    return (np.arange(n_graphs)[:, None] == batch).astype(np.float64)


def _sums(H, batch, n_graphs):
    return _belongs(batch, n_graphs) @ H


def _counts(batch, n_graphs):
    return np.maximum(_belongs(batch, n_graphs).sum(axis=1, keepdims=True), 1)


@mutant(of="graph_mean_pool", says="This is the sum over the nodes of a graph. Divide by their number.")
def sum_pooling(H, batch, n_graphs):
    return _sums(H, batch, n_graphs)


@mutant(of="graph_mean_pool", says="This is the largest entry of each column, not the mean.")
def max_pooling(H, batch, n_graphs):
    return np.stack([H[batch == g].max(axis=0) if (batch == g).any() else 0 * H[0] for g in range(n_graphs)])


@mutant(of="graph_mean_pool", says="A graph without nodes gives nan, 0 / 0. Its mean is to be 0.")
def empty_graph_is_nan(H, batch, n_graphs):
    with np.errstate(invalid="ignore"):
        return _sums(H, batch, n_graphs) / _belongs(batch, n_graphs).sum(axis=1, keepdims=True)


@mutant(of="graph_mean_pool", says="You divide by the number of all nodes. Divide by those of the graph.")
def divided_by_all_nodes(H, batch, n_graphs):
    return _sums(H, batch, n_graphs) / len(H)


@mutant(of="graph_mean_pool", says="You divide by the number of graphs. Divide by the number of nodes of each graph.")
def divided_by_graphs(H, batch, n_graphs):
    return _sums(H, batch, n_graphs) / n_graphs


@mutant(of="graph_mean_pool", says="You divide by the mean size of the graphs. Each graph has a size of its own.")
def divided_by_mean_size(H, batch, n_graphs):
    return _sums(H, batch, n_graphs) * n_graphs / len(H)


@mutant(of="graph_mean_pool", says="You cut H into equal pieces. Which graph a row belongs to is in batch.")
def equal_pieces(H, batch, n_graphs):
    pieces = np.array_split(H, n_graphs)
    return np.stack([piece.mean(axis=0) if len(piece) else 0 * H[0] for piece in pieces])


@mutant(
    of="graph_mean_pool",
    says="You rely on the nodes being sorted by graph. Row i belongs to graph batch[i], wherever it is.",
)
def relies_on_order(H, batch, n_graphs):
    counts = np.bincount(batch, minlength=n_graphs)
    ends = np.cumsum(counts)
    parts = [H[end - count : end] for count, end in zip(counts, ends, strict=True)]
    return np.stack([part.mean(axis=0) if len(part) else 0 * H[0] for part in parts])


@mutant(of="graph_mean_pool", says="Graphs without nodes are left out. The output has n_graphs rows.")
def empty_graphs_left_out(H, batch, n_graphs):
    return np.stack([H[batch == g].mean(axis=0) for g in np.unique(batch)])


@mutant(of="graph_mean_pool", says="The number of rows is taken from the largest entry of batch. It is n_graphs.")
def rows_from_batch(H, batch, n_graphs):
    rows = int(batch.max()) + 1
    return _sums(H, batch, rows) / _counts(batch, rows)


@mutant(of="graph_mean_pool", says="sums[batch] += H counts a graph's last node alone. Use np.add.at.")
def last_node_only(H, batch, n_graphs):
    sums = np.zeros((n_graphs, H.shape[1]))
    sums[batch] += H
    return sums / _counts(batch, n_graphs)


@mutant(of="graph_mean_pool", says="You divide by the number of nodes plus one.")
def one_node_too_many(H, batch, n_graphs):
    return _sums(H, batch, n_graphs) / (_belongs(batch, n_graphs).sum(axis=1, keepdims=True) + 1)


@mutant(of="graph_mean_pool", says="The small number in your denominator changes the mean. Use np.maximum(count, 1).")
def small_number_in_denominator(H, batch, n_graphs):
    return _sums(H, batch, n_graphs) / (_belongs(batch, n_graphs).sum(axis=1, keepdims=True) + 1e-5)


@mutant(of="graph_mean_pool", says="You take the mean over the features too, so that each graph has one number.")
def mean_over_features(H, batch, n_graphs):
    mean = _sums(H, batch, n_graphs) / _counts(batch, n_graphs)
    return np.broadcast_to(mean.mean(axis=1, keepdims=True), mean.shape).copy()


@mutant(of="graph_mean_pool", says="A graph without nodes gets the mean of all nodes. It is to be 0.")
def empty_graph_gets_overall_mean(H, batch, n_graphs):
    mean = _sums(H, batch, n_graphs) / _counts(batch, n_graphs)
    return np.where(np.isin(np.arange(n_graphs), batch)[:, None], mean, H.mean(axis=0))


@mutant(of="graph_mean_pool", says="This is the median. The task asks for the mean.")
def median_pooling(H, batch, n_graphs):
    return np.stack([np.median(H[batch == g], axis=0) if (batch == g).any() else 0 * H[0] for g in range(n_graphs)])


@mutant(of="graph_mean_pool", says="You divide by the root of the number of nodes. Divide by the number.")
def divided_by_root(H, batch, n_graphs):
    return _sums(H, batch, n_graphs) / np.sqrt(_counts(batch, n_graphs))


@mutant(of="graph_mean_pool", says="Your output has dtype float32. Keep the dtype of the input, float64.")
def pooled_graphs_in_single_precision(H, batch, n_graphs):
    return (_sums(H, batch, n_graphs) / _counts(batch, n_graphs)).astype(np.float32)


@mutant(of="graph_mean_pool", says="You sort batch or H inside the array that you were given. Work on a copy.")
def sorted_in_place(H, batch, n_graphs):
    H[:] = H[np.argsort(batch, kind="stable")]
    batch.sort()
    return _sums(H, batch, n_graphs) / _counts(batch, n_graphs)


@mutant(
    of="graph_mean_pool", says="Your rows are in the order in which the graphs first appear. Row g belongs to graph g."
)
def rows_by_first_appearance(H, batch, n_graphs):
    mean = np.zeros((n_graphs, H.shape[1]))
    for row, graph in enumerate(dict.fromkeys(batch.tolist())):
        mean[row] = H[batch == graph].mean(axis=0)
    return mean
