"""Hidden checks of gat_layer."""

from assay.checks import *
from drawing import LAW, SIZES, no_lonely_nodes, side_by_side, some_lonely_nodes
from reference import gat_layer

SLOPES = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])


@check(
    "gat_layer gives the weights of the worked example",
    task="gat_layer",
    hint="This is the worked example of the notebook: the weights of a node and its neighbours add up to 1.",
)
def check_star(student):
    A = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    H = np.log([[1.0], [2.0], [5.0]])
    example = (A, H, np.ones((1, 1)), np.ones(1), np.zeros(1))
    assert_close(student.gat_layer(*example), gat_layer(*example))


check_gat_values = agrees_with(
    gat_layer,
    points=2.5,
    sentence="gat_layer is right on graphs in which every node has a neighbour",
    hint="The score of the edge from j to i is LeakyReLU(a_dst . z_i + a_src . z_j). For each i, softmax over its "
    "neighbours and itself, and only over them.",
    where=no_lonely_nodes,
    sizes={**SIZES, "n": (2, 6)},
)


@check("gat_layer has slope 0.2 unless told otherwise", points=0.5, task="gat_layer", examples=LAW)
@given(inputs_of(gat_layer, sizes={**SIZES, "n": (3, 6)}, where=no_lonely_nodes))
def check_default_slope(student, a):
    a.pop("slope")
    assert_close(student.gat_layer(*a.values()), gat_layer(*a.values()))


check_slope = agrees_with(
    gat_layer,
    points=0.5,
    sentence="gat_layer is right with any slope",
    hint="LeakyReLU(x) is x where x > 0 and slope * x elsewhere. PyTorch and Keras have other defaults.",
    where=no_lonely_nodes,
    sizes={**SIZES, "n": (3, 6)},
    slope=SLOPES,
)

check_gat_lonely = agrees_with(
    gat_layer,
    points=0.5,
    sentence="gat_layer is right where nodes have no neighbours",
    hint="A lonely node attends to itself alone, with weight 1.",
    where=some_lonely_nodes,
    sizes=SIZES,
)

check_large_scores = agrees_with(
    gat_layer,
    points=1.5,
    after=check_gat_values,
    sentence="scores in the thousands are no problem",
    hint="Subtract from the scores of each node the largest among its own neighbours before you take the exponential.",
    sizes=SIZES,
    a_src=Float["g", scaled(3000)],
    a_dst=Float["g", scaled(3000)],
)

check_gat_purity = leaves_inputs_alone(
    gat_layer,
    points=0.5,
    after=check_gat_values,
    examples=LAW,
    sizes=SIZES,
    hint="A += np.eye(n) and np.fill_diagonal(A, 1) change the caller's graph. Write A + np.eye(n).",
)

check_gat_order = permutation_equivariant(
    gat_layer,
    {"A": (0, 1), "H": (0,)},
    sentence="gat_layer does not care how the nodes are numbered",
    hint="Number the nodes in another order and the rows of the output should be in that order, too.",
    after=check_gat_values,
    examples=LAW,
    sizes=SIZES,
)


@check(
    "what a node gets lies between what its neighbours and it have to give",
    after=check_gat_values,
    task="gat_layer",
    hint="The weights of a node are positive and add up to 1. Along which axis do you normalise, and over whom?",
    examples=LAW,
)
@given(inputs_of(gat_layer, sizes=SIZES))
def check_hull(student, a):
    got = student.gat_layer(*a.values())
    given = a["H"] @ a["W"]
    for i, row in enumerate(a["A"] + np.eye(len(a["A"]))):
        heard = given[row > 0]
        inside = np.clip(got[i], heard.min(axis=0), heard.max(axis=0))
        assert_close(got[i], inside)


@check(
    "where all nodes say the same, all nodes hear it",
    after=check_gat_values,
    task="gat_layer",
    hint="With equal features everywhere the weights do not matter, as long as they add up to 1.",
    examples=LAW,
)
@given(inputs_of(gat_layer, sizes=SIZES))
def check_same_everywhere(student, a):
    H = np.repeat(a["H"][:1], len(a["A"]), axis=0)
    assert_close(student.gat_layer(*{**a, "H": H}.values()), H @ a["W"])


@check(
    "with a_src = a_dst = 0 every node takes the plain mean",
    after=check_gat_values,
    task="gat_layer",
    hint="All scores are equal then, so all weights of a node are 1 / (number of neighbours + 1).",
    examples=LAW,
)
@given(inputs_of(gat_layer, sizes=SIZES))
def check_mean(student, a):
    zero = np.zeros(a["W"].shape[1])
    loops = a["A"] + np.eye(len(a["A"]))
    mean = loops @ (a["H"] @ a["W"]) / loops.sum(axis=1, keepdims=True)
    assert_close(student.gat_layer(*{**a, "a_src": zero, "a_dst": zero}.values()), mean)


@check(
    "a node listens to its neighbours and to nobody else",
    after=check_gat_values,
    task="gat_layer",
    hint="Nodes without an edge between them get weight 0: exp(0) is 1, exp(-inf) is 0.",
    examples=LAW,
)
@given(inputs_of(gat_layer, sizes={**SIZES, "n": (2, 6)}), st.integers(0, 5))
def check_gat_local(student, a, node):
    node %= len(a["A"])
    louder = a["H"].copy()
    louder[node] += 1
    change = student.gat_layer(*{**a, "H": louder}.values()) - student.gat_layer(*a.values())
    far = np.flatnonzero(a["A"][node] + np.eye(len(a["A"]))[node] == 0)
    assert_close(change[far], np.zeros((len(far), a["W"].shape[1])))


@check(
    "gat_layer treats two graphs side by side as if each were alone",
    after=check_gat_values,
    task="gat_layer",
    hint="The softmax of a node runs over its own neighbours, not over the whole graph.",
    examples=LAW,
)
@given(inputs_of(gat_layer, sizes={**SIZES, "f": 2}), inputs_of(gat_layer, sizes={**SIZES, "f": 2}))
def check_gat_union(student, a, b):
    shared = (a["W"], a["a_src"], a["a_dst"])
    alone = [student.gat_layer(part["A"], part["H"], *shared) for part in (a, b)]
    both = student.gat_layer(side_by_side(a["A"], b["A"]), np.concatenate([a["H"], b["H"]]), *shared)
    assert_close(both, np.concatenate(alone))
