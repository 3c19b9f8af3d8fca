"""Checking the checks: each rule finds its own fault in a tiny exercise, and finds nothing in a sound one."""

from pathlib import Path

import pytest

from assay.errors import AuthoringError
from assay.grading.bench import Bench
from assay.grading.verify import RULES, Finding, verify
from tests.support.grading import CHECKS, exercise_in

MUTANTS = """
    from assay.checks import mutant


    @mutant(of="double", says="x is halved.")
    def halved(x):
        return x / 2


    @mutant(of="double", says="The argument is overwritten.")
    def in_place(x):
        x *= 2
        return x


    @mutant(of="total", says="The first number is forgotten.")
    def without_the_first(x):
        return float(x[1:].sum())
"""
ALTERNATIVES = """
    from assay.checks import alternative


    @alternative(of="double")
    def added(x):
        return x + x


    @alternative(of="total")
    def looped(x):
        total = 0.0
        for number in x:
            total += number
        return total
"""


def findings(root: Path, rule: str, **changes: str) -> list[Finding]:
    sound = {"mutants": MUTANTS, "alternatives": ALTERNATIVES}
    return list(RULES[rule](Bench(exercise_in(root, **{**sound, **changes})), 2))


def about(found: list[Finding]) -> list[str]:
    return [finding.about for finding in found]


def test_a_sound_exercise_has_no_findings(tmp_path: Path) -> None:
    exercise = exercise_in(tmp_path, mutants=MUTANTS, alternatives=ALTERNATIVES)
    assert list(verify(exercise, seeds=2)) == []


def test_points_that_do_not_add_up_are_found(tmp_path: Path) -> None:
    found = findings(tmp_path, "points", checks=CHECKS.replace("points=2", "points=5"))
    assert len(found) == 1 and "total" in found[0].says and "5" in found[0].says


def test_a_reference_that_fails_its_own_checks_is_found_on_every_seed(tmp_path: Path) -> None:
    checks = CHECKS + "\n    @check('is zero', task='total')\n    def zero(student):\n        assert False\n"
    found = findings(tmp_path, "reference", checks=checks)
    assert about(found) == ["zero", "zero"] and "seed 1" in found[1].says


def test_a_check_that_breaks_is_found_with_its_error(tmp_path: Path) -> None:
    checks = CHECKS + "\n    @check('breaks', task='total')\n    def breaks(student):\n        1 / 0\n"
    assert "ZeroDivisionError" in findings(tmp_path, "reference", checks=checks)[0].says


def test_points_for_the_unanswered_stub_are_found(tmp_path: Path) -> None:
    checks = CHECKS.replace("points=2", "points=1")
    checks += "\n    @check('is there', points=1, task='total')\n    def there(student): pass\n"
    assert about(findings(tmp_path, "stub", checks=checks)) == ["there"]


def test_points_for_zeros_of_the_right_shape_are_found(tmp_path: Path) -> None:
    found = findings(tmp_path, "zeros", checks=CHECKS.replace(", after=double_values", ""))
    assert about(found) == ["double"] and "1 of 4 points" in found[0].says and "double_inputs" in found[0].says


def test_a_right_answer_that_loses_points_is_found(tmp_path: Path) -> None:
    answers = ALTERNATIVES.replace("total = 0.0", "total = 1e-3")
    found = findings(tmp_path, "alternatives", alternatives=answers)
    assert set(about(found)) == {"looped"} and "total_values" in found[0].says


def test_a_wrong_answer_that_keeps_its_points_is_found_once_with_its_diagnosis(tmp_path: Path) -> None:
    found = findings(tmp_path, "mutants", mutants=MUTANTS.replace("x / 2", "2.0 * x"))
    assert about(found) == ["halved"] and "x is halved." in found[0].says


def test_a_mutant_that_only_loses_points_through_a_check_without_points_is_no_finding(tmp_path: Path) -> None:
    checks = """
        from assay.checks import *
        from reference import double, total

        gate = agrees_with(double, points=0)
        inputs = leaves_inputs_alone(double, points=4, after=gate)
        total_values = agrees_with(total, points=2)
    """
    assert findings(tmp_path, "mutants", checks=checks) == []


def test_a_check_that_no_mutant_fails_is_found(tmp_path: Path) -> None:
    mutants = MUTANTS.replace("x *= 2\n        return x", "return x * 3")
    assert about(findings(tmp_path, "vacuous", mutants=mutants)) == ["double_inputs"]


def test_without_mutants_every_check_is_vacuous(tmp_path: Path) -> None:
    assert about(findings(tmp_path, "vacuous", mutants="")) == ["double_inputs", "double_values", "total_values"]


def test_an_exercise_that_cannot_be_run_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AuthoringError, match="checks"):
        list(verify(exercise_in(tmp_path, checks="import nothing_of_that_name"), seeds=1))


def test_an_exercise_of_one_file_is_checked_too(tmp_path: Path) -> None:
    exercise = exercise_in(tmp_path, mutants=MUTANTS)
    exercise.checks.unlink()
    found = list(verify(exercise, seeds=1))
    assert {finding.rule for finding in found} <= {"vacuous"}  # the standing checks of laws that no mutant breaks
