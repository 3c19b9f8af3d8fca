"""The reference of the exercise `gcn` against PyTorch Geometric, and the graphs that its checks draw."""

import dataclasses
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.checks import inputs_of
from assay.checks.siblings import load, siblings
from assay.data import load as data

torch = pytest.importorskip("torch")
nn = pytest.importorskip("torch_geometric.nn")

GRADERS = Path(__file__).parents[2] / "graders" / "gcn"

with siblings(GRADERS):
    reference: ModuleType = load(GRADERS / "reference.py")
    communities: ModuleType = load(GRADERS / "communities.py")

LARGE = {"n": (1, 12), "f": (1, 4), "g": (1, 4)}
drawn = settings(max_examples=100, deadline=None, derandomize=True)
rounds = st.integers(0, 2**32 - 1)


def edges_of(A: np.ndarray):
    return torch.from_numpy(np.array(np.nonzero(A)))


def same(got: np.ndarray, expected) -> None:
    np.testing.assert_allclose(got, expected.detach().numpy(), rtol=1e-10, atol=1e-12, strict=True)


@drawn
@given(inputs_of(reference.gcn_layer, sizes=LARGE))
def test_gcn_layer_is_gcn_conv(a: dict) -> None:
    layer = nn.GCNConv(*a["W"].shape, bias=False).double()
    layer.lin.weight.data = torch.from_numpy(a["W"].T.copy())
    same(reference.gcn_layer(**a), layer(torch.from_numpy(a["H"]), edges_of(a["A"])))


@drawn
@given(
    inputs_of(reference.gat_layer, sizes=LARGE, slope=st.sampled_from([0.0, 0.01, 0.2, 1.0])),
    st.sampled_from([1, 3000]),
)
def test_gat_layer_is_gat_conv(a: dict, scale: int) -> None:
    a |= {name: scale * a[name] for name in ("a_src", "a_dst")}
    layer = nn.GATConv(*a["W"].shape, bias=False, negative_slope=a["slope"]).double()
    layer.lin.weight.data = torch.from_numpy(a["W"].T.copy())
    layer.att_src.data = torch.from_numpy(a["a_src"])[None, None]
    layer.att_dst.data = torch.from_numpy(a["a_dst"])[None, None]
    same(reference.gat_layer(**a), layer(torch.from_numpy(a["H"]), edges_of(a["A"])))


def test_the_slope_is_that_of_gat_conv_unless_told_otherwise() -> None:
    A, H = np.ones((3, 3)) - np.eye(3), np.array([[1.0], [-2.0], [3.0]])
    expected = reference.gat_layer(A, H, np.eye(1), np.ones(1), np.ones(1), nn.GATConv(1, 1).negative_slope)
    np.testing.assert_array_equal(reference.gat_layer(A, H, np.eye(1), np.ones(1), np.ones(1)), expected)


@drawn
@given(inputs_of(reference.graph_mean_pool, sizes={"nodes": (1, 12), "graphs": (1, 4)}))
def test_graph_mean_pool_is_global_mean_pool(a: dict) -> None:
    expected = nn.global_mean_pool(torch.from_numpy(a["H"]), torch.from_numpy(a["batch"]), size=a["n_graphs"])
    same(reference.graph_mean_pool(**a), expected)


def test_the_examples_of_the_notebook() -> None:
    path = np.eye(3, k=1) + np.eye(3, k=-1)
    root = 1 / np.sqrt(6)
    expected = [[1 / 2, root, 0], [root, 1 / 3, root], [0, root, 1 / 2]]
    np.testing.assert_allclose(reference.gcn_layer(path, np.eye(3), np.eye(3)), expected, rtol=1e-12)
    star, told = np.array([[0.0, 1, 1], [1, 0, 0], [1, 0, 0]]), np.log([[1.0], [2.0], [5.0]])
    got = reference.gat_layer(star, told, np.eye(1), np.ones(1), np.zeros(1)).ravel()
    two, five = np.log(2), np.log(5)
    np.testing.assert_allclose(got, [(2 * two + 5 * five) / 8, 2 * two / 3, 5 * five / 6], rtol=1e-12)
    pooled = reference.graph_mean_pool(np.array([[1.0, 2], [3, 6], [5, -1]]), np.array([2, 0, 2]), 3)
    np.testing.assert_array_equal(pooled, [[3, 6], [0, 0], [3, 0.5]])


def drawn_problems(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    club = communities.karate(rng, renumbered=True, renamed=bool(seed % 2))
    two = communities.communities(rng, n=36, k=2, features=32)
    return {
        "club": club,
        "two": two,
        "three": communities.communities(rng, n=54, k=3),
        "features": communities.told_by_features(rng),
        "undecided": communities.undecided(rng),
        "cut": communities.cut(two),
        "other noise": communities.other_noise(rng, club),
    }


@settings(max_examples=25, deadline=None, derandomize=True)
@given(rounds)
def test_what_fit_predict_is_given_keeps_the_truth_back(seed: int) -> None:
    for problem in drawn_problems(seed).values():
        n = len(problem.truth)
        A, labelled, judged = problem.A, problem.labelled, problem.judged
        assert A.shape == (n, n) and A.dtype == problem.X.dtype == np.float64
        assert (A == A.T).all() and not A.diagonal().any() and np.isin(A, (0, 1)).all()
        assert problem.y.dtype == labelled.dtype == problem.truth.dtype == np.int64
        assert (problem.y[labelled] == problem.truth[labelled]).all()
        assert set(problem.truth[labelled]) == set(problem.truth)  # every class is among the labels
        # What is wrong in y is not where it can be turned round: it agrees with the truth as often as chance.
        assert 0.05 < np.mean(problem.y[judged] == problem.truth[judged]) < 0.85
        # As many of each class, so that one class for all is at chance.
        assert np.ptp(np.bincount(problem.truth)) <= 0


def test_other_noise_changes_every_entry_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    problem = communities.undecided(rng)
    other = communities.other_noise(rng, problem)
    assert (other.y[problem.judged] != problem.y[problem.judged]).all()
    assert (other.y[problem.labelled] == problem.y[problem.labelled]).all()
    unchanged = {field.name for field in dataclasses.fields(problem)} - {"y"}
    assert all(getattr(other, name) is getattr(problem, name) for name in unchanged)


def test_the_club_under_other_numbers_is_the_club() -> None:
    club = data("karate_club")
    problem = communities.karate(np.random.default_rng(3), renumbered=True, renamed=True)
    degrees = club.adjacency.sum(axis=1)
    assert sorted(problem.A.sum(axis=1)) == sorted(degrees) and (club.adjacency != problem.A).any()
    leaders = sorted(zip(problem.A.sum(axis=1)[problem.labelled], problem.truth[problem.labelled], strict=True))
    assert leaders == [(degrees[0], 1), (degrees[33], 0)]


def test_no_edge_or_feature_tells_the_class_where_none_is_to_tell() -> None:
    """Over many draws, edges within classes are as frequent as across them, and features have no mean by class."""
    within, across, means = [], [], []
    for seed in range(40):
        problem = communities.undecided(np.random.default_rng(seed))
        alike = (problem.truth[:, None] == problem.truth) & ~np.eye(len(problem.truth), dtype=bool)
        within.append(problem.A[alike].mean())
        across.append(problem.A[problem.truth[:, None] != problem.truth].mean())
        means.append(problem.X[problem.truth == 0].mean())
    assert abs(np.mean(within) - np.mean(across)) < 6 * np.std(within) / np.sqrt(40)
    assert abs(np.mean(means)) < 6 / np.sqrt(40 * 50 * 8)


def test_the_reference_learns_the_club_and_draws_from_its_seed() -> None:
    problem = drawn_problems(1)["undecided"]
    fit = reference.fit_predict
    given = (problem.A, problem.X, problem.labelled, problem.y)
    first, again, other = (fit(*given, seed=seed) for seed in (1, 1, 2))
    assert first.dtype == np.int64
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    club = drawn_problems(2)["club"]
    got = fit(club.A, club.X, club.labelled, club.y, seed=0)
    assert np.mean(got == club.truth) >= 0.9
