"""Checks for your gcn.ipynb that you can run yourself.

Save the notebook, then say `pytest` in this folder; or say `%selfcheck gcn_layer` in the notebook. They try worked
examples, shapes, and laws: what must be true of every right answer, whatever the numbers are. The graders check more.
"""

from assay.selfcheck import *

# ---- What goes in and what comes out. The bodies are yours, in the notebook. ----------------------------------------


def gcn_layer(A: Adjacency["n n"], H: Float["n f"], W: Float["f g"]) -> Float["n g"]: ...


def gat_layer(
    A: Adjacency["n n"], H: Float["n f"], W: Float["f g"], a_src: Float["g"], a_dst: Float["g"], slope: float = 0.2
) -> Float["n g"]: ...


def graph_mean_pool(H: Float["N f"], batch: Labels["N", "graphs"], n_graphs: int) -> Float["graphs f"]: ...


def fit_predict(A: Adjacency["n n"], X: Float["n f"], labelled: Int["k"], y: Int["n"], seed: int) -> Int["n"]: ...


GRAPHS = {"n": (1, 5), "f": (1, 2), "g": (1, 2)}
BATCH = {"N": (1, 5), "f": (1, 2), "graphs": (1, 3)}
PATH = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
PAIR = np.array([[0.0, 1.0], [1.0, 0.0]])
STAR = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])


def renamed(a, rng):
    """The same graph with its nodes in another order."""
    order = rng.permutation(len(a["A"]))
    return a | {"A": a["A"][np.ix_(order, order)], "H": a["H"][order]}, lambda rows: rows[order]


def beside_a_copy(a, rng):
    """Twice the same graph, without an edge from one to the other."""
    nothing = np.zeros_like(a["A"])
    both = np.block([[a["A"], nothing], [nothing, a["A"]]])
    return a | {"A": both, "H": np.concatenate([a["H"], a["H"]])}, lambda rows: np.concatenate([rows, rows])


def without_edges(a):
    return a | {"A": np.zeros_like(a["A"])}


# ---- gcn_layer ------------------------------------------------------------------------------------------------------


@check("the path 0 - 1 - 2 shows its matrix", task="gcn_layer", hint="The degrees with self loops are 2, 3 and 2.")
def test_gcn_layer_path(student):
    side, middle = 1 / np.sqrt(6), 1 / 3
    expected = np.array([[0.5, side, 0.0], [side, middle, side], [0.0, side, 0.5]])
    assert_close(student.gcn_layer(PATH, np.eye(3), np.eye(3)), expected)


test_gcn_layer_shape = right_shape(gcn_layer, sentence="each node gets a row of g features", sizes=GRAPHS)


@check(
    "without any edge every node keeps to itself",
    task="gcn_layer",
    hint="Its degree is 1, for its self loop, so that H W comes out.",
)
@given(inputs_of(gcn_layer, sizes=GRAPHS))
def test_gcn_layer_alone(student, a):
    assert_close(call(student, gcn_layer, without_edges(a)), a["H"] @ a["W"])


@check(
    "in a ring of friends who all say the same, everybody hears just that",
    task="gcn_layer",
    hint="Everybody has degree 3, self loop included, and hears three voices of weight 1/3.",
)
@given(inputs_of(gcn_layer, sizes=GRAPHS | {"n": (3, 6)}))
def test_gcn_layer_ring(student, a):
    ring = np.roll(np.eye(len(a["H"])), 1, axis=0)
    same = np.tile(a["H"][0], (len(ring), 1))
    assert_close(student.gcn_layer(ring + ring.T, same, a["W"]), same @ a["W"])


test_gcn_layer_renamed = law(
    gcn_layer,
    "when the nodes get other numbers, the rows of the output move along",
    renamed,
    hint="Rows and columns of A belong together. Does your degree come from the same axis everywhere?",
    sizes=GRAPHS,
)

test_gcn_layer_copy = law(
    gcn_layer,
    "a second graph beside the first one changes nothing in it",
    beside_a_copy,
    hint="A node hears its neighbours only. Do you divide by the number of all nodes, or by the largest degree?",
    sizes=GRAPHS,
)

test_gcn_layer_weights = law(
    gcn_layer,
    "weights three times as large make features three times as large",
    lambda a, rng: (a | {"W": -3 * a["W"]}, lambda rows: -3 * rows),
    hint="There is no activation in the layer.",
    sizes=GRAPHS,
)

test_gcn_layer_inputs = leaves_inputs_alone(
    gcn_layer,
    sentence="A, H and W are still the same afterwards",
    hint="np.fill_diagonal(A, 1) and A += ... write into the array that you were given.",
    sizes=GRAPHS,
)

# ---- gat_layer ------------------------------------------------------------------------------------------------------


@check("the middle of a star listens with 1/8, 2/8 and 5/8", task="gat_layer", hint="The exponentials are 1, 2 and 5.")
def test_gat_layer_star(student):
    told = np.log([[1.0], [2.0], [5.0]])
    expected = np.array([[1.1792], [0.4621], [1.3412]])
    got = student.gat_layer(STAR, told, np.eye(1), np.ones(1), np.zeros(1))
    assert_close(got, expected, atol=1e-4)


@check(
    "two friends, of whom one is dismissed by the other",
    task="gat_layer",
    hint="Listener 0 has the scores 0 and LeakyReLU(-3) = -0.6, listener 1 has 3 and 0.",
)
def test_gat_layer_speaker_and_listener(student):
    got = student.gat_layer(PAIR, np.array([[2.0], [-1.0]]), np.eye(1), np.ones(1), -np.ones(1), 0.2)
    quiet, loud = np.exp(-0.6), np.exp(3.0)
    assert_close(got, np.array([[(2 - quiet) / (1 + quiet)], [(2 * loud - 1) / (loud + 1)]]))


@check("a slope of 1/2", task="gat_layer", hint="The scores are 1 and -1, which becomes -0.5 with this slope.")
def test_gat_layer_slope(student):
    got = student.gat_layer(PAIR, np.array([[1.0], [-1.0]]), np.eye(1), np.ones(1), np.zeros(1), 0.5)
    assert_close(got, np.full((2, 1), np.tanh(0.75)))


@check(
    "scores of 1000 and of -1000 in one graph",
    task="gat_layer",
    hint="Subtract from the scores of each listener the largest one of this listener.",
)
def test_gat_layer_large_scores(student):
    A = np.zeros((3, 3))
    A[:2, :2] = PAIR
    got = student.gat_layer(A, np.array([[1000.0], [0.0], [-5000.0]]), np.eye(1), np.ones(1), np.zeros(1), 0.2)
    assert_close(got, np.array([[1000.0], [1000.0], [-5000.0]]))


test_gat_layer_shape = right_shape(gat_layer, sentence="each node gets a row of g new features", sizes=GRAPHS)


@check(
    "if all say the same, everybody hears just that, whatever the scores are",
    task="gat_layer",
    hint="The weights of a listener add up to 1. Do you divide by the sum over the ones that speak?",
)
@given(inputs_of(gat_layer, sizes=GRAPHS))
def test_gat_layer_same(student, a):
    same = np.tile(a["H"][0], (len(a["A"]), 1))
    assert_close(call(student, gat_layer, a | {"H": same}), same @ a["W"])


@check(
    "without any edge every node listens to itself alone",
    task="gat_layer",
    hint="Whoever is no neighbour gets weight 0, not exp(0). The self loop stays.",
)
@given(inputs_of(gat_layer, sizes=GRAPHS))
def test_gat_layer_alone(student, a):
    assert_close(call(student, gat_layer, without_edges(a)), a["H"] @ a["W"])


test_gat_layer_renamed = law(
    gat_layer,
    "when the nodes get other numbers, the rows of the new features move along",
    renamed,
    hint="Row i belongs to listener i, and column j to speaker j.",
    sizes=GRAPHS,
)

test_gat_layer_default = law(
    gat_layer,
    "a slope of 0.2 is what you get without asking",
    lambda a, rng: (dict(list(a.items())[:-1]), lambda rows: rows),
    hint="It is the default in the first line of the function.",
    sizes=GRAPHS,
)

test_gat_layer_inputs = leaves_inputs_alone(
    gat_layer,
    sentence="none of the five arrays is changed",
    hint="Make A + np.eye(n) a new array.",
    sizes=GRAPHS,
)

# ---- graph_mean_pool ------------------------------------------------------------------------------------------------


@check("two graphs with nodes and one without", task="graph_mean_pool", hint="Row 2 is the mean of nodes 0 and 2.")
def test_graph_mean_pool_example(student):
    H = np.array([[1.0, 2.0], [3.0, 6.0], [5.0, -1.0]])
    expected = np.array([[3.0, 6.0], [0.0, 0.0], [3.0, 0.5]])
    assert_close(student.graph_mean_pool(H, np.array([2, 0, 2]), 3), expected)


@check("the mean of 0, 0 and 6", task="graph_mean_pool", hint="It is 2. The median would be 0.")
def test_graph_mean_pool_mean(student):
    assert_close(student.graph_mean_pool(np.array([[0.0], [6.0], [0.0]]), np.zeros(3, dtype=int), 1), np.array([[2.0]]))


pooled = inputs_of(graph_mean_pool, sizes=BATCH, n_graphs=lambda sizes: st.integers(sizes["graphs"], 4))


@check("there is a row for each graph", task="graph_mean_pool", hint="n_graphs rows, also where the last are empty.")
@given(pooled)
def test_graph_mean_pool_shape(student, a):
    got = np.shape(call(student, graph_mean_pool, a))
    assert_close(got, (a["n_graphs"], a["H"].shape[1]), parts=("rows", "columns"))


def pool_law(sentence, change, hint):
    """A law of graph_mean_pool."""
    return law(
        graph_mean_pool,
        sentence,
        change,
        hint=hint,
        sizes=BATCH,
        n_graphs=lambda sizes: st.integers(sizes["graphs"], 4),
    )


def shuffled(a, rng):
    order = rng.permutation(len(a["H"]))
    return a | {"H": a["H"][order], "batch": a["batch"][order]}, lambda rows: rows


test_graph_mean_pool_order = pool_law(
    "the nodes may come in any order", shuffled, hint="Nodes of one graph need not stand next to each other."
)
test_graph_mean_pool_twice = pool_law(
    "every node twice changes no mean",
    lambda a, rng: (a | {name: np.concatenate([a[name], a[name]]) for name in ("H", "batch")}, lambda rows: rows),
    hint="Divide by the number of nodes of each graph.",
)
test_graph_mean_pool_shift = pool_law(
    "a graph more at the front moves the rows down",
    lambda a, rng: (
        a | {"batch": a["batch"] + 1, "n_graphs": a["n_graphs"] + 1},
        lambda rows: np.concatenate([np.zeros((1, rows.shape[1])), rows]),
    ),
    hint="An empty graph has a row of zeros. 0 / 0 is nan.",
)
test_graph_mean_pool_inputs = leaves_inputs_alone(
    graph_mean_pool,
    sentence="H and batch are still the same afterwards",
    hint="Sort a copy, if you sort.",
    sizes=BATCH,
    n_graphs=lambda sizes: st.integers(sizes["graphs"], 4),
)

# ---- fit_predict ----------------------------------------------------------------------------------------------------

# Three circles of four friends each, and one friendship from each circle to the next.
CIRCLES = np.kron(np.eye(3), np.ones((4, 4)) - np.eye(4))
CIRCLES[[3, 4, 7, 8], [4, 3, 8, 7]] = 1.0
SIDES = np.repeat([0, 1, 2], 4)
LEADERS = np.array([1, 6, 10])
NOBODY = np.eye(12)  # features that say nothing about anybody


def told(sides, leaders, noise=1):
    """The classes of the leaders, and noise elsewhere."""
    y = np.random.default_rng(noise).integers(0, 3, len(sides))
    y[leaders] = sides[leaders]
    return y


@check(
    "three circles of friends, one leader labelled in each",
    task="fit_predict",
    hint="Train on the cross entropy of logits[labelled] alone, for 100 steps. There may be more than two classes.",
)
def test_fit_predict_circles(student):
    assert_close(student.fit_predict(CIRCLES, NOBODY, LEADERS, told(SIDES, LEADERS), seed=0), SIDES)


@check(
    "the same leaders among other friends",
    task="fit_predict",
    hint="Only the edges say who belongs where, not the number of a node, and nothing may survive from the last call.",
)
def test_fit_predict_other_friends(student):
    order = np.array([0, 1, 6, 8, 4, 9, 2, 3, 5, 11, 10, 7])  # who stands where the numbers 0 to 11 stood
    A, sides = CIRCLES[np.ix_(order, order)], SIDES[order]
    leaders = np.array([1, 4, 10])
    assert_close(student.fit_predict(A, NOBODY, leaders, told(sides, leaders), seed=0), sides)


@check(
    "two stars, where the labels are two steps away",
    task="fit_predict",
    hint="One layer hears direct neighbours, two layers hear the neighbours of neighbours. Is the edge list complete?",
)
def test_fit_predict_stars(student):
    star = np.zeros((5, 5))
    star[0, 1:] = star[1:, 0] = 1.0
    sides, leaders = np.repeat([0, 1], 5), np.array([2, 8])
    y = told(sides, leaders)
    assert_close(student.fit_predict(np.kron(np.eye(2), star), np.eye(10), leaders, y, seed=0), sides)


@check(
    "without any friendship, features that tell the sides",
    task="fit_predict",
    hint="X goes into the first layer: one column for each feature, whatever their number is.",
)
def test_fit_predict_features(student):
    X = np.eye(3)[SIDES] + 0.1 * np.random.default_rng(2).standard_normal((12, 3))
    assert_close(student.fit_predict(np.zeros((12, 12)), X, LEADERS, told(SIDES, LEADERS), seed=0), SIDES)


@check(
    "other noise at the nodes without a label changes nothing",
    task="fit_predict",
    hint="y means something at `labelled` only: y[labelled], never the whole of y.",
)
def test_fit_predict_noise(student):
    first = student.fit_predict(CIRCLES, NOBODY, LEADERS, told(SIDES, LEADERS, noise=1), seed=3)
    assert_close(student.fit_predict(CIRCLES, NOBODY, LEADERS, told(SIDES, LEADERS, noise=2), seed=3), first)


@check(
    "where there is nothing to go by, the same seed guesses the same and another one otherwise",
    task="fit_predict",
    hint="torch.manual_seed(seed) comes before the layers are made.",
)
def test_fit_predict_seed(student):
    alone, X, two = np.zeros((40, 40)), np.eye(40), np.array([0, 1])
    y = np.arange(40) % 2
    first, again, other = (student.fit_predict(alone, X, two, y, seed=seed) for seed in (7, 7, 8))
    assert_close(again, first)
    if np.array_equal(other, first):
        raise Mismatch("seeds 7 and 8 give the same answer", got=other, expected="another guess for some of the nodes")


@check("A, X, labelled and y are still the same afterwards", task="fit_predict", hint="Make new tensors of them.")
def test_fit_predict_inputs(student):
    yours = CIRCLES, NOBODY, LEADERS, told(SIDES, LEADERS)
    student.fit_predict(*(array.copy() for array in yours), seed=0)
    assert_close(student.calls[-1].after, yours, parts=("A", "X", "labelled", "y"))
