"""What an author writes above a check."""

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.checks import check, points
from assay.checks.check import check_of, is_property, prepare
from assay.errors import AuthoringError


def test_a_check_keeps_its_description():
    @check("the output is positive", points=2, hint="exp?", task="f", reveals="sentence", examples=7)
    @given(st.integers())
    def positive(student, n):
        pass

    found = check_of(positive)
    assert (found.sentence, found.points, found.hint) == ("the output is positive", 2.0, "exp?")
    assert (found.task, found.reveals, found.examples) == ("f", "sentence", 7)
    assert found.after is None
    assert is_property(positive)


def test_a_check_may_come_after_another():
    @check("first")
    def first(student):
        pass

    @check("second", after=first)
    def second(student):
        pass

    assert check_of(second).after is check_of(first)


def test_points_mark_a_plain_test_with_its_docstring():
    @points(3, task="f")
    def test_one_row(student):
        """One row gives one number

        and more that only staff read.
        """

    @points(1)
    def test_two_rows(student):
        pass

    assert (check_of(test_one_row).sentence, check_of(test_one_row).points) == ("One row gives one number", 3.0)
    assert check_of(test_two_rows).sentence == "two rows"


@pytest.mark.parametrize(
    "options",
    [{"reveals": "everything"}, {"points": -1}, {"examples": 0}, {"after": len}],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(AuthoringError):
        check("sentence", **options)


def test_only_check_sets_how_hypothesis_runs():
    @hypothesis.settings(max_examples=3)
    @given(st.integers())
    def property_with_settings(student, n):
        pass

    with pytest.raises(AuthoringError, match="examples="):
        check("sentence")(property_with_settings)


def test_as_many_examples_are_run_as_asked_for():
    seen = []

    @check("sentence", examples=13)
    @given(st.integers(0, 2**40))
    def counted(n):
        seen.append(n)

    counted()
    assert len(seen) == 13


def test_preparing_twice_changes_nothing():
    @given(st.integers())
    def drawn(n):
        pass

    prepare(drawn, 5)
    prepare(drawn, 50)
    assert drawn._hypothesis_internal_use_settings.max_examples == 5


def test_other_values_are_no_checks():
    assert check_of(len) is None
    assert check_of(3) is None
