"""Hidden checks of graph_mean_pool."""

from assay.checks import *
from drawing import LAW
from reference import graph_mean_pool

SIZES = {"nodes": (1, 8), "f": (1, 3), "graphs": (1, 4)}


def batches(*, shuffled, empty):
    """How batch and n_graphs are drawn: graph after graph or mixed, every graph with nodes or not."""

    @st.composite
    def batch(draw, nodes, graphs):
        drawn = np.array(draw(st.lists(st.integers(0, graphs - 1), min_size=nodes, max_size=nodes)), dtype=np.int64)
        if not empty:
            drawn[: min(graphs, nodes)] = np.arange(min(graphs, nodes))
        return np.array(draw(st.permutations(list(drawn)))) if shuffled else np.sort(drawn)

    more = 2 if empty else 0
    return {
        "batch": lambda sizes: batch(sizes["nodes"], sizes["graphs"]),
        "n_graphs": lambda sizes: st.integers(sizes["graphs"], sizes["graphs"] + more),
        "sizes": SIZES,
        "where": lambda a: (
            (np.bincount(a["batch"], minlength=a["n_graphs"]) == 0).any() == empty
            and (np.diff(a["batch"]) < 0).any() == shuffled
        ),
    }


ANY = {**batches(shuffled=True, empty=True), "where": None}

check_one_after_another = agrees_with(
    graph_mean_pool,
    points=1.5,
    sentence="graph_mean_pool is right when the nodes come graph after graph",
    hint="Add up the rows of each graph and divide by its own number of nodes.",
    **batches(shuffled=False, empty=False),
)

check_mixed = agrees_with(
    graph_mean_pool,
    points=0.5,
    sentence="graph_mean_pool is right when the nodes of the graphs are mixed",
    hint="Row i of H belongs to graph batch[i], wherever i is.",
    **batches(shuffled=True, empty=False),
)

check_empty = agrees_with(
    graph_mean_pool,
    points=0.5,
    sentence="graph_mean_pool gives zeros for a graph without nodes",
    hint="0 / 0 is nan. Graphs without nodes may come first, in between or last, so the output has n_graphs rows.",
    **batches(shuffled=False, empty=True),
)

check_pool_purity = leaves_inputs_alone(graph_mean_pool, points=0.5, after=check_one_after_another, examples=LAW, **ANY)


def other_order(a, rng):
    order = rng.permutation(len(a["H"]))
    return {**a, "H": a["H"][order], "batch": a["batch"][order]}, lambda pooled: pooled


check_pool_order = law(
    graph_mean_pool,
    "graph_mean_pool does not care how the nodes are numbered",
    other_order,
    hint="Which graph a node belongs to is in batch, not in its place.",
    after=check_one_after_another,
    examples=LAW,
    **ANY,
)


def every_node_twice(a, rng):
    return {**a, "H": np.repeat(a["H"], 2, axis=0), "batch": np.repeat(a["batch"], 2)}, lambda pooled: pooled


check_twice = law(
    graph_mean_pool,
    "every node twice changes nothing",
    every_node_twice,
    hint="A mean, not a sum: divide by the number of nodes of the graph.",
    after=check_one_after_another,
    examples=LAW,
    **ANY,
)


def one_graph_shifted(a, rng):
    graph = int(rng.choice(a["batch"]))
    shifted = a["H"] + 3.0 * (a["batch"] == graph)[:, None]

    def expected(pooled):
        return pooled + 3.0 * (np.arange(len(pooled)) == graph)[:, None]

    return {**a, "H": shifted}, expected


check_pool_shift = law(
    graph_mean_pool,
    "3 added to all nodes of one graph adds 3 to its mean, and nothing to the others",
    one_graph_shifted,
    hint="Each graph has a mean of its own, over its own nodes.",
    after=check_one_after_another,
    examples=LAW,
    **ANY,
)

check_pool_linear = linear_in(
    graph_mean_pool,
    "H",
    sentence="graph_mean_pool is linear in the features",
    hint="A mean of negative numbers is negative. Do you take a maximum, or an absolute value?",
    after=check_one_after_another,
    examples=LAW,
    **ANY,
)
