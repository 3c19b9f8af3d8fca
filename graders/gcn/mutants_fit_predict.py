"""Wrong answers to fit_predict: shortcuts, and slips in the loop that a wrong accuracy or behaviour gives away."""

import numpy as np
from by_hand import first_weights, logits_of, propagation

from assay.checks import mutant

_answers = {}
_weights = {}


def _logits(A, X, labelled, y, seed, **options):
    rng = np.random.default_rng(seed)
    return logits_of(propagation(A), X, labelled, y[labelled], int(y[labelled].max()) + 1, rng, **options)


@mutant(
    of="fit_predict", says="The graph is not used: this is a plain network on the features. Put A into both layers."
)
def without_graph(A, X, labelled, y, *, seed):
    return _logits(np.zeros_like(A), X, labelled, y, seed).argmax(axis=1)


@mutant(of="fit_predict", says="The features are not used: you put the identity in place of X.")
def without_features(A, X, labelled, y, *, seed):
    return _logits(A, np.eye(len(A)), labelled, y, seed).argmax(axis=1)


@mutant(of="fit_predict", says="The loss is taken over all nodes. Outside labelled, y means nothing.")
def learns_from_everyone(A, X, labelled, y, *, seed):
    return _logits(A, X, np.arange(len(A)), y, seed).argmax(axis=1)


@mutant(of="fit_predict", says="You use the first entries of y instead of those at the labelled nodes: y[labelled].")
def labels_by_position(A, X, labelled, y, *, seed):
    rng = np.random.default_rng(seed)
    k = int(y.max()) + 1
    return logits_of(propagation(A), X, labelled, y[: len(labelled)], k, rng).argmax(axis=1)


@mutant(of="fit_predict", says="You return y itself. It holds classes at the labelled nodes only; predict the others.")
def returns_y(A, X, labelled, y, *, seed):
    return y.copy()


@mutant(of="fit_predict", says="You return the logits. Return the class of each node: argmax over the classes.")
def returns_logits(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed)


@mutant(of="fit_predict", says="You return one-hot rows. Return the number of the class of each node.")
def returns_one_hot(A, X, labelled, y, *, seed):
    logits = _logits(A, X, labelled, y, seed)
    return np.eye(logits.shape[1], dtype=np.int64)[logits.argmax(axis=1)]


@mutant(of="fit_predict", says="You return the classes of the labelled nodes alone. Return one class for every node.")
def labelled_nodes_alone(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed).argmax(axis=1)[labelled]


@mutant(of="fit_predict", says="The classes have dtype float64. Return whole numbers, int64.")
def classes_as_floats(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed).argmax(axis=1).astype(np.float64)


@mutant(of="fit_predict", says="The classes have dtype int32. The task asks for int64, which argmax gives.")
def classes_in_32_bits(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed).argmax(axis=1).astype(np.int32)


@mutant(of="fit_predict", says="You take the smallest logit. The class is where the largest is.")
def smallest_logit(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed).argmin(axis=1)


@mutant(of="fit_predict", says="argmax runs over the nodes. It belongs over the classes, axis 1.")
def argmax_over_nodes(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed).argmax(axis=0)


@mutant(of="fit_predict", says="Nothing is trained: the weights are those that were drawn. Does the optimiser step?")
def never_trained(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed, epochs=0).argmax(axis=1)


@mutant(of="fit_predict", says="One step of training is not enough. Go round the loop until the loss is small.")
def one_step(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed, epochs=1, rate=0.01).argmax(axis=1)


@mutant(of="fit_predict", says="The learning rate is so small that hardly anything is learnt. Look at the loss.")
def timid_learning_rate(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed, rate=1e-5).argmax(axis=1)


@mutant(of="fit_predict", says="You climb the loss instead of descending: the sign of the step is wrong.")
def climbs(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, seed, rate=-0.05).argmax(axis=1)


@mutant(of="fit_predict", says="Every node gets the same class, the most frequent label.")
def one_class_for_all(A, X, labelled, y, *, seed):
    return np.full(len(A), np.bincount(y[labelled]).argmax())


@mutant(
    of="fit_predict",
    says="Only direct neighbours of labelled nodes are decided. Two layers reach two steps, training further.",
)
def direct_neighbours(A, X, labelled, y, *, seed):
    votes = A[:, labelled] @ np.eye(int(y[labelled].max()) + 1)[y[labelled]]
    votes[labelled, y[labelled]] += len(A)
    return votes.argmax(axis=1)


@mutant(
    of="fit_predict", says="These are the classes of the club as it is known, not what was learnt from the arguments."
)
def known_by_heart(A, X, labelled, y, *, seed):
    return _club() if len(A) == 34 else _logits(A, X, labelled, y, seed).argmax(axis=1)


@mutant(
    of="fit_predict",
    says="You look the members up in the known club, under any numbers. Learn from the arguments alone.",
)
def finds_the_club(A, X, labelled, y, *, seed):
    import networkx as nx

    same = nx.vf2pp_isomorphism(nx.from_numpy_array(A), nx.karate_club_graph()) if len(A) == 34 else None
    if same is None:
        return _logits(A, X, labelled, y, seed).argmax(axis=1)
    return _club()[[same[node] for node in range(34)]]


def _club():
    import networkx as nx

    return np.array([club == "Officer" for _, club in nx.karate_club_graph().nodes("club")], dtype=np.int64)


@mutant(
    of="fit_predict", says="The numbering is used: you answer by where a node stands in the list. That says nothing."
)
def answers_by_number(A, X, labelled, y, *, seed):
    names = y[labelled][np.argsort(labelled)]
    return names[np.arange(len(A)) * len(names) // len(A)]


@mutant(of="fit_predict", says="The number of classes is fixed at two. Take it from the labels.")
def always_two_classes(A, X, labelled, y, *, seed):
    rng = np.random.default_rng(seed)
    return logits_of(propagation(A), X, labelled, np.minimum(y[labelled], 1), 2, rng).argmax(axis=1)


@mutant(of="fit_predict", says="The first layer expects 34 features, those of the karate club. Take the number from X.")
def always_34_features(A, X, labelled, y, *, seed):
    padded = np.zeros((len(X), 34))
    padded[:] = X
    return _logits(A, padded, labelled, y, seed).argmax(axis=1)


@mutant(of="fit_predict", says="The weights are drawn without seed, so each run gives another answer.")
def without_seed(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, None).argmax(axis=1)


@mutant(of="fit_predict", says="Your seed is always 0. Use the argument seed.")
def seed_ignored(A, X, labelled, y, *, seed):
    return _logits(A, X, labelled, y, 0).argmax(axis=1)


@mutant(of="fit_predict", says="An answer from an earlier call is given again. Every call trains a network of its own.")
def remembers_answers(A, X, labelled, y, *, seed):
    key = y.tobytes(), labelled.tobytes()
    if key not in _answers:
        _answers[key] = _logits(A, X, labelled, y, seed).argmax(axis=1)
    return _answers[key]


@mutant(
    of="fit_predict", says="The layers are made outside the function, so a call trains on with the weights of the last."
)
def trains_on(A, X, labelled, y, *, seed):
    k = int(y[labelled].max()) + 1
    key = X.shape[1], k
    if key not in _weights:
        _weights[key] = first_weights(*key, np.random.default_rng(seed))
    rows = labelled
    return logits_of(propagation(A), X, rows, y[rows], k, None, weights=_weights[key]).argmax(axis=1)


@mutant(of="fit_predict", says="You write into the caller's y to hide the other entries. Work on a copy.")
def hides_labels_in_place(A, X, labelled, y, *, seed):
    classes = _logits(A, X, labelled, y, seed).argmax(axis=1)
    y[np.setdiff1d(np.arange(len(y)), labelled)] = -1
    return classes


@mutant(of="fit_predict", says="Your tensor is made from A without a copy, so the self loops end up in the caller's A.")
def graph_changed_in_place(A, X, labelled, y, *, seed):
    classes = _logits(A, X, labelled, y, seed).argmax(axis=1)
    np.fill_diagonal(A, 1.0)
    return classes
