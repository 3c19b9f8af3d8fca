"""Right answers: graph convolution, graph attention, mean pooling, and a network that learns the classes of nodes."""

from assay.checks import *


def gcn_layer(A: Adjacency["n n"], H: Float["n f"], W: Float["f g"]) -> Float["n g"]:
    """One graph convolution D^-1/2 (A + I) D^-1/2 H W with the degrees of A + I (Kipf and Welling 2017, eq. 2)."""
    loops = A + np.eye(len(A))
    scale = 1 / np.sqrt(loops.sum(axis=1))
    return scale[:, None] * (loops @ (scale[:, None] * (H @ W)))


def gat_layer(
    A: Adjacency["n n"],
    H: Float["n f"],
    W: Float["f g", between(-1, 1)],
    a_src: Float["g", between(-1, 1)],
    a_dst: Float["g", between(-1, 1)],
    slope: float = 0.2,
) -> Float["n g"]:
    """One head of graph attention with self loops (Velickovic et al. 2018, eq. 1-4), without activation."""
    Z = H @ W
    scores = (Z @ a_dst)[:, None] + (Z @ a_src)[None, :]  # [to, from]
    scores = np.where(scores > 0, scores, slope * scores)
    scores = np.where(A + np.eye(len(A)) > 0, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ Z


def graph_mean_pool(
    H: Float["nodes f"], batch: Labels["nodes", "graphs"], n_graphs: st.integers(4, 6)
) -> Float["n_graphs f"]:
    """Row g is the mean of the rows of H whose entry in batch is g, and zero where there are none."""
    belongs = (np.arange(n_graphs)[:, None] == batch).astype(H.dtype)
    return belongs @ H / np.maximum(belongs.sum(axis=1, keepdims=True), 1)


def fit_predict(
    A: Adjacency["n n"],
    X: Float["n f"],
    labelled: Labels["k", "n"],
    y: Labels["n", 3],
    *,
    seed: st.integers(0, 2**31 - 1),
) -> Int["n"]:
    """The class of every node, after training two graph convolutions on the labelled ones."""
    import torch
    from torch_geometric.nn import GCNConv

    torch.manual_seed(seed)
    edges = torch.from_numpy(np.array(np.nonzero(A)))
    features, classes = torch.from_numpy(X).float(), torch.from_numpy(y[labelled])
    rows = torch.from_numpy(labelled)
    first = GCNConv(X.shape[1], 16, cached=True)
    second = GCNConv(16, int(classes.max()) + 1, cached=True)
    optimiser = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.05, weight_decay=5e-4)

    def logits():
        return second(torch.relu(first(features, edges)), edges)

    for _ in range(80):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits()[rows], classes).backward()
        optimiser.step()
    return logits().argmax(dim=1).numpy()
