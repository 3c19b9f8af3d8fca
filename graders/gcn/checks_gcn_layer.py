"""Hidden checks of gcn_layer."""

from assay.checks import *
from drawing import LAW, SIZES, cycle, no_lonely_nodes, side_by_side, some_lonely_nodes
from reference import gcn_layer

PATH = np.eye(3, k=1) + np.eye(3, k=-1)


@check(
    "gcn_layer gives the matrix of the path of three nodes",
    task="gcn_layer",
    hint="This is the worked example of the notebook. Count the self loop when you count the neighbours.",
)
def check_path(student):
    assert_close(student.gcn_layer(PATH, np.eye(3), np.eye(3)), gcn_layer(PATH, np.eye(3), np.eye(3)))


check_gcn_values = agrees_with(
    gcn_layer,
    points=3,
    sentence="gcn_layer is right on graphs in which every node has a neighbour",
    hint="Add the self loops first, take the degrees of that, and divide by their roots on both sides.",
    where=no_lonely_nodes,
    sizes={**SIZES, "n": (2, 6)},
)

check_gcn_lonely = agrees_with(
    gcn_layer,
    points=1,
    sentence="gcn_layer is right where nodes have no neighbours",
    hint="With its self loop a lonely node has degree 1, so there is nothing to divide by zero.",
    where=some_lonely_nodes,
    sizes=SIZES,
)

check_gcn_purity = leaves_inputs_alone(
    gcn_layer,
    points=0.5,
    after=check_gcn_values,
    examples=LAW,
    sizes=SIZES,
    hint="A += np.eye(n) and np.fill_diagonal(A, 1) change the caller's graph. Write A + np.eye(n).",
)


@check(
    "the roots of the degrees come out as they went in",
    points=0.5,
    after=check_gcn_values,
    task="gcn_layer",
    hint="The column of sqrt(degree), self loops counted, is an eigenvector to eigenvalue 1: divide by the root of the "
    "degree on both sides.",
    examples=LAW,
)
@given(inputs_of(gcn_layer, sizes={**SIZES, "f": 1, "g": 1}))
def check_fixed_point(student, a):
    roots = np.sqrt(a["A"].sum(axis=1, keepdims=True) + 1)
    assert_close(student.gcn_layer(a["A"], roots, np.ones((1, 1))), roots)


check_gcn_order = permutation_equivariant(
    gcn_layer,
    {"A": (0, 1), "H": (0,)},
    sentence="gcn_layer does not care how the nodes are numbered",
    hint="Number the nodes in another order and the rows of the output should be in that order, too.",
    after=check_gcn_values,
    examples=LAW,
    sizes=SIZES,
)

check_gcn_linear = linear_in(
    gcn_layer,
    "H",
    sentence="gcn_layer is linear in the features",
    hint="Twice the features give twice the output: there is no activation and no bias in this layer.",
    after=check_gcn_values,
    examples=LAW,
    sizes=SIZES,
)

check_gcn_weights = linear_in(
    gcn_layer,
    "W",
    sentence="gcn_layer is linear in the weights",
    hint="Twice the weights give twice the output: there is no activation and no bias in this layer.",
    after=check_gcn_values,
    examples=LAW,
    sizes=SIZES,
)


@check(
    "as much flows from node i to node j as from j to i, and nothing grows",
    after=check_gcn_values,
    task="gcn_layer",
    hint="D^-1/2 (A + I) D^-1/2 is symmetric, with eigenvalues between -1 and 1.",
    examples=LAW,
)
@given(inputs_of(gcn_layer, sizes=SIZES))
def check_symmetric(student, a):
    unit = np.eye(len(a["A"]))
    operator = student.gcn_layer(a["A"], unit, unit)
    assert_close(operator, operator.T)
    largest = float(np.abs(np.linalg.eigvalsh(operator)).max())
    if largest > 1 + 1e-9:
        raise Mismatch(f"an eigenvalue has size {largest:.3g}", got=largest, expected="at most 1")


@check(
    "on a ring constant features stay constant",
    after=check_gcn_values,
    task="gcn_layer",
    hint="Every node of a ring has degree 3 with its self loop, so each output is the mean of three equal rows.",
)
@given(st.integers(3, 7), st.integers(-9, 9))
def check_ring(student, n, constant):
    H = np.full((n, 1), float(constant))
    assert_close(student.gcn_layer(cycle(n), H, np.ones((1, 1))), H)


@check(
    "a node hears of its neighbours and of nobody else",
    after=check_gcn_values,
    task="gcn_layer",
    hint="One layer reaches one step far: nodes without an edge between them do not touch each other.",
    examples=LAW,
)
@given(inputs_of(gcn_layer, sizes={**SIZES, "n": (2, 6)}), st.integers(0, 5))
def check_gcn_local(student, a, node):
    node %= len(a["A"])
    louder = a["H"].copy()
    louder[node] += 1
    change = student.gcn_layer(a["A"], louder, a["W"]) - student.gcn_layer(a["A"], a["H"], a["W"])
    far = np.flatnonzero(a["A"][node] + np.eye(len(a["A"]))[node] == 0)
    assert_close(change[far], np.zeros((len(far), a["W"].shape[1])))


@check(
    "two graphs side by side are treated as if each were alone",
    after=check_gcn_values,
    task="gcn_layer",
    hint="Does a quantity of the whole graph, such as its number of nodes or its largest degree, enter?",
    examples=LAW,
)
@given(inputs_of(gcn_layer, sizes=SIZES), inputs_of(gcn_layer, sizes=SIZES))
def check_gcn_union(student, a, b):
    H = np.concatenate([a["H"][:, :1], b["H"][:, :1]])
    W = a["W"][:1]
    alone = [student.gcn_layer(part["A"], part["H"][:, :1], W) for part in (a, b)]
    assert_close(student.gcn_layer(side_by_side(a["A"], b["A"]), H, W), np.concatenate(alone))
