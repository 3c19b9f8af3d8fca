"""Inputs drawn from an annotated signature."""

# ruff: noqa: F722, F821  (sizes in annotations)

import hypothesis
import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from assay.checks import Adjacency, Bool, Float, Float32, Images, Int, Labels, between, inputs_of, scaled
from assay.checks.strategies import array_of
from assay.errors import AuthoringError

QUICK = hypothesis.settings(max_examples=60, database=None, derandomize=True, deadline=None)


def gcn_layer(A: Adjacency["n n"], H: Float["n f"], W: Float["f g"]) -> Float["n g"]:
    return A @ H @ W


def classify(
    X: Float["n d"], y: Labels["n", "k"], W: Float["d k", scaled(0.1)], mask: Bool["n"], counts: Int["n", between(2, 5)]
) -> float:
    return 0.0


def step(x: Float["d"], lr: st.floats(0.1, 1.0), nesterov: bool, steps: int = 3) -> Float["d"]:
    return x


@QUICK
@given(inputs_of(gcn_layer))
def test_sizes_agree_and_order_is_that_of_the_parameters(a):
    assert list(a) == ["A", "H", "W"]
    n, f = a["H"].shape
    assert a["A"].shape == (n, n)
    assert a["W"].shape[0] == f
    assert all(value.dtype == np.float64 for value in a.values())


@QUICK
@given(inputs_of(gcn_layer, sizes={"n": (2, 6)}))
def test_graphs_are_undirected_and_simple(a):
    A = a["A"]
    assert 2 <= len(A) <= 6
    assert (A == A.T).all() and not A.diagonal().any() and set(np.unique(A)) <= {0.0, 1.0}


@QUICK
@given(inputs_of(classify, sizes={"k": (2, 3)}))
def test_values_keep_to_what_their_annotation_says(a):
    assert a["y"].dtype == np.int64 and a["y"].min() >= 0 and a["y"].max() < a["W"].shape[1]
    assert a["mask"].dtype == np.bool_
    assert a["counts"].dtype == np.int64 and a["counts"].min() >= 2 and a["counts"].max() <= 5
    assert np.abs(a["W"]).max() <= 1.0


@QUICK
@given(inputs_of(step))
def test_scalars_come_from_their_strategies_or_defaults(a):
    assert 0.1 <= a["lr"] <= 1.0
    assert isinstance(a["nesterov"], bool)
    assert a["steps"] == 3


@QUICK
@given(inputs_of(step, steps=lambda sizes: st.just(sizes["d"]), x=Float["d", between(0, 1)]))
def test_a_strategy_may_depend_on_the_sizes(a):
    assert a["steps"] == len(a["x"])
    assert a["x"].min() >= 0 and a["x"].max() <= 1


@QUICK
@given(inputs_of(gcn_layer, where=lambda a: a["W"].shape[1] > a["H"].shape[1]))
def test_where_keeps_what_it_is_true_of(a):
    assert a["W"].shape[1] > a["H"].shape[1]


@pytest.mark.parametrize("size", [(2, 3), 3, st.integers(2, 3)], ids=str)
def test_sizes_are_ranges_numbers_or_strategies(size):
    strategy = inputs_of(gcn_layer, sizes={"n": size})
    found = find(strategy, lambda a: len(a["A"]) == 3, settings=QUICK)
    assert len(found["A"]) == 3


def test_sizes_and_values_shrink_to_something_readable():
    smallest = find(inputs_of(gcn_layer), lambda a: len(a["A"]) >= 2 and a["H"].sum() > 1, settings=QUICK)
    assert smallest["A"].tolist() == [[0, 1], [1, 0]]
    assert smallest["H"].shape == (2, 1) and smallest["W"].shape == (1, 1)
    assert all(value == int(value) for value in smallest["H"].flat)


def test_equal_seeds_give_parameters_different_values():
    drawn = [array_of(Float["n n"], {"n": 3}, name=name, seed=seed) for name in "xw" for seed in (0, 5, 99)]
    for i, one in enumerate(drawn):
        assert not any((one == other).all() for other in drawn[i + 1 :])


def test_a_seed_always_gives_the_same_values():
    for seed in (0, 5, 99):
        one, other = (array_of(Float["n"], {"n": 4}, name="x", seed=seed) for _ in range(2))
        assert one.tolist() == other.tolist()


def test_large_seeds_give_rounded_standard_normal_numbers():
    values = array_of(Float["n"], {"n": 4000}, name="x", seed=123)
    assert abs(values.mean()) < 0.1 and abs(values.std() - 1) < 0.1
    assert (values == values.round(2)).all()


def test_small_seeds_give_small_integers():
    values = array_of(Float["n"], {"n": 100}, name="x", seed=3)
    assert set(values.tolist()) == {-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0}
    assert array_of(Float["n"], {"n": 4}, name="x", seed=0).tolist() in [[i, i + 1, i + 2, i + 3] for i in range(1, 6)]


@pytest.mark.parametrize("seed", [0, 5, 99])
def test_dtypes_hold_for_every_seed(seed):
    sizes = {"n": 3, "k": 2}
    for annotation in (Float["n"], Float32["n"], Int["n"], Bool["n"], Images["n"], Labels["n", "k"], Adjacency["n n"]):
        assert array_of(annotation, sizes, name="x", seed=seed).dtype.name == annotation.dtype
    images = array_of(Images["n"], sizes, name="x", seed=seed)
    assert images.min() >= 0 and images.max() <= 1


def unannotated(x, y: Float["n"]):
    return x


def without_sizes(x: Float):
    return x


def variadic(*x: Float["n"]):
    return x


def integer(n: int):
    return n


def unknown_annotation(n: "NoSuchName"):
    return n


@pytest.mark.parametrize(
    ("function", "options", "says"),
    [
        (unannotated, {}, "Nothing says how x of unannotated is drawn"),
        (integer, {}, "Nothing says how n of integer is drawn"),
        (unknown_annotation, {}, "signature of unknown_annotation cannot be read"),
        (without_sizes, {}, "has no sizes"),
        (variadic, {}, "cannot be drawn"),
        (gcn_layer, {"B": st.just(1)}, "no parameter B"),
        (gcn_layer, {"A": 3}, "no strategy"),
        (gcn_layer, {"sizes": {"z": 3}}, "which no annotation uses"),
        (gcn_layer, {"sizes": {"n": (3, 1)}}, "neither a number nor a range"),
        (gcn_layer, {"sizes": {"n": "3"}}, "neither a number nor a range"),
    ],
)
def test_a_signature_that_cannot_be_drawn_is_refused_at_once(function, options, says):
    with pytest.raises(AuthoringError, match=says):
        inputs_of(function, **options)


def test_a_function_that_gives_no_strategy_is_refused_when_drawn():
    with pytest.raises(AuthoringError, match="not a strategy"):
        find(inputs_of(step, steps=lambda sizes: 3), lambda a: True, settings=QUICK)


def test_inputs_that_cannot_exist_are_an_error_and_no_silent_pass():
    @QUICK
    @given(inputs_of(gcn_layer, where=lambda a: False))
    def never(a):
        pass

    with pytest.raises(hypothesis.errors.FailedHealthCheck):
        never()
