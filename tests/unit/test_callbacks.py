"""Functions that a student's code calls back."""

import hypothesis
import numpy as np
import pytest
from hypothesis import find, given

from assay.checks import Gradient, Quadratic, quadratics
from assay.checks.gradients import numerical_gradient

QUICK = hypothesis.settings(max_examples=30, database=None, derandomize=True, deadline=None)


@QUICK
@given(quadratics(3))
def test_it_is_the_gradient_of_a_convex_quadratic(grad):
    x = np.array([0.5, -1.0, 2.0])
    assert np.abs(grad(x) - numerical_gradient(grad.value, x)).max() < 1e-8
    assert np.abs(grad(grad.minimum)).max() < 1e-9
    assert np.linalg.eigvalsh(grad.A)[0] > 0.4
    assert grad.smoothness == pytest.approx(np.linalg.eigvalsh(grad.A).max())


def test_it_remembers_where_it_was_asked():
    grad = Quadratic(np.eye(2), np.zeros(2))
    point = np.array([1.0, 2.0])
    grad(point)
    point += 1
    grad([0, 0])
    assert [x.tolist() for x in grad.asked] == [[1, 2], [0, 0]]


def test_a_point_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\), not \(2,\)"):
        Quadratic(np.eye(2), np.zeros(2))(np.zeros(3))


def test_it_shrinks_to_a_diagonal():
    assert find(quadratics(2), lambda grad: True, settings=QUICK).A.tolist() == [[1, 0], [0, 2]]


def test_the_annotation_names_a_size_or_a_number():
    assert Gradient["d"].sizes == ("d",)
    assert Gradient["2"].sizes == ()
    assert len(find(Gradient["2"].draws({}), lambda grad: True, settings=QUICK).b) == 2
