"""Random expressions."""

import hypothesis
import pytest
from hypothesis import find, given

from assay.checks import Expression, expressions
from assay.errors import AuthoringError

QUICK = hypothesis.settings(max_examples=50, database=None, derandomize=True, deadline=None)


class Number(float):
    """A float with a method of a Value."""

    def relu(self):
        return Number(max(self, 0.0))


def test_an_expression_is_computed_with_whatever_its_leaves_are():
    e = Expression((2.0, 3.0), (("+", 0, 1), ("*", 2, 2), ("-", 0, 3)))
    assert e.nodes([2.0, 3.0]) == [2, 3, 5, 25, -23]
    assert e.evaluate([1.0, 1.0]) == -3
    assert Expression((-1.0,), (("relu", 0, 0),)).evaluate([Number(-1.0)]) == 0


def test_an_expression_reads_like_a_program():
    e = Expression((2.0, -0.5), (("+", 0, 1), ("relu", 2, 0), ("*", 3, 0)))
    assert str(e) == "a = 2; b = -0.5; c = a + b; d = c.relu(); e = d * a"


@QUICK
@given(expressions(operations=("+", "*", "relu"), leaves=(2, 3), steps=(1, 5)))
def test_steps_use_only_what_is_there(e):
    assert 2 <= len(e.leaves) <= 3 and 1 <= len(e.steps) <= 5
    assert all(max(i, j) < len(e.leaves) + k for k, (_, i, j) in enumerate(e.steps))


def test_expressions_shrink():
    smallest = find(expressions(), lambda e: any(i == j for _, i, j in e.steps), settings=QUICK)
    assert str(smallest) == "a = 0; b = a + a"


@pytest.mark.parametrize("options", [{"operations": ()}, {"leaves": (0, 1)}, {"steps": (1, 60)}], ids=str)
def test_expressions_that_make_no_sense_are_refused(options):
    with pytest.raises(AuthoringError):
        expressions(**options)
