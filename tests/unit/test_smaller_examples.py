"""What failed on an example of the bank is told at once; then a smaller one is looked for, which changes no verdict."""

import pytest

from assay.checks.bank import Bank
from assay.outcome import Outcome
from tests.support.suites import CHECKS, judge, row_normalised, write

TWO_FAIL = CHECKS.replace('hint="Is it symmetric?", after=check_values', 'hint="Is it symmetric?"')


def nothing(A, H, W):
    return None


@pytest.fixture
def exercise(tmp_path):
    return write(tmp_path, checks=TWO_FAIL)


@pytest.fixture
def bank(exercise):
    made = Bank()
    judge(exercise, bank=made)
    return made


def verdicts(results):
    return [(result.name, result.outcome, result.looked_at) for result in results]


def test_all_is_told_once_and_then_a_smaller_example_is_found(exercise, bank):
    told = []
    results = judge(exercise, {"gcn_layer": row_normalised}, bank=bank, told=told.append)
    assert len(told) == 1 and verdicts(told[0]) == verdicts(results.values())
    assert [result.outcome for result in results.values()] == [
        *(Outcome.FAILED, Outcome.FAILED, Outcome.FAILED, Outcome.PASSED)
    ]
    first = {result.name: result for result in told[0]}
    for name in ("check_values", "check_fixed_point"):
        assert first[name].counterexample and first[name].message
        assert len(str(results[name].counterexample)) <= len(str(first[name].counterexample))
    assert any(results[name].counterexample != first[name].counterexample for name in results)


def test_the_results_are_those_of_who_waits_for_them(exercise, bank):
    told = []
    assert judge(exercise, {"gcn_layer": row_normalised}, bank=bank, told=told.append) == judge(
        exercise, {"gcn_layer": row_normalised}, bank=bank
    )
    assert told


def test_nothing_is_told_where_nothing_smaller_is_looked_for(exercise, bank):
    told = []
    judge(exercise, bank=bank, told=told.append)
    judge(exercise, {"gcn_layer": row_normalised}, told=told.append)  # without a bank all is drawn, and shrunk at once
    assert not told


def test_the_reference_is_asked_before_anything_is_told(tmp_path):
    checks = """
    @check("it can be used", points=10)
    @given(inputs_of(gcn_layer))
    def check_it(student, graph):
        student.gcn_layer(graph["A"], graph["H"], graph["W"]).shape
    """
    folder, bank, told = write(tmp_path, checks=checks), Bank(), []
    assert judge(folder, bank=bank)["check_it"].outcome is Outcome.PASSED
    result = judge(folder, {"gcn_layer": nothing}, bank=bank, told=told.append)["check_it"]
    assert (result.outcome, told) == (Outcome.FAILED, [])


def test_a_check_with_fixtures_of_its_own_is_run_again_with_them(tmp_path):
    checks = """
    import pytest

    @pytest.fixture
    def scale():
        return 2.0

    @check("it is linear", points=10)
    @given(inputs_of(gcn_layer))
    def check_it(student, scale, graph):
        one = student.gcn_layer(graph["A"], graph["H"], graph["W"])
        assert_close(student.gcn_layer(graph["A"], scale * graph["H"], graph["W"]), scale * one)
    """

    def bent(A, H, W):
        return row_normalised(A, H, W) ** 2

    folder, bank, told = write(tmp_path, checks=checks), Bank(), []
    assert judge(folder, bank=bank)["check_it"].outcome is Outcome.PASSED
    result = judge(folder, {"gcn_layer": bent}, bank=bank, told=told.append)["check_it"]
    assert result.outcome is Outcome.FAILED and len(told) == 1
    assert result == judge(folder, {"gcn_layer": bent}, bank=bank)["check_it"]
