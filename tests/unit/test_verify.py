"""Checking the checks: each rule finds its own fault in a tiny exercise, and finds nothing in a sound one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.checks.answers import answers_in
from assay.course import Exercise
from assay.errors import AuthoringError
from assay.grading.bench import Bench
from assay.grading.kills import Kills, kills_on, ranked
from assay.grading.verify import (
    RULES,
    Finding,
    alternatives,
    gathered,
    mutants,
    points,
    reference,
    release,
    stub,
    time_shares,
    times,
    vacuous,
    verify,
    zeros,
)
from assay.notebook.nbgrader_release import release as build_release
from tests.support.grading import CHECKS, REFERENCE, course_of, exercise_in
from tests.support.notebooks import answer, marker, notebook, write_course

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


def too_slow(bench: Bench, seed: int) -> Iterator[Finding]:
    return times(bench, seed, time_shares(bench, seed))


BY_NAME = {"points": points, "release": release, "stub": stub, "zeros": zeros, "vacuous": vacuous}
BY_SEED = {"reference": reference, "alternatives": alternatives, "mutants": mutants, "time": too_slow}


def tiny(root: Path, **changes: str) -> Exercise:
    return exercise_in(root, **{"mutants": MUTANTS, "alternatives": ALTERNATIVES, **changes})


def findings(root: Path, rule: str, **changes: str) -> list[Finding]:
    return found_in(tiny(root, **changes), rule)


def found_in(exercise: Exercise, rule: str) -> list[Finding]:
    bench = Bench(exercise)
    if rule in BY_SEED:
        return [finding for seed in range(2) for finding in BY_SEED[rule](bench, seed)]
    return list(BY_NAME[rule](bench))


def about(found: list[Finding]) -> list[str]:
    return [finding.about for finding in found]


def test_every_rule_is_tried_here() -> None:
    assert {*BY_NAME, *BY_SEED} == set(RULES)


def test_a_sound_exercise_has_no_findings(tmp_path: Path) -> None:
    exercise = tiny(tmp_path)
    build_release(course_of(exercise), "tiny")
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


class TestRelease:
    def test_one_that_was_not_built_is_found(self, tmp_path: Path) -> None:
        (found,) = findings(tmp_path, "release")
        assert found.about == "tiny" and "not built yet" in found.says and "assay release tiny" in found.says

    def test_one_that_is_older_than_its_source_is_found_by_the_name_of_the_file(self, tmp_path: Path) -> None:
        exercise = tiny(tmp_path)
        build_release(course_of(exercise), "tiny")
        assert found_in(exercise, "release") == []
        exercise.notebook.write_text(exercise.notebook.read_text().replace("The checks of", "The hidden checks of"))
        (exercise.notebook.parent / "picture.png").write_bytes(b"not handed out yet")
        (found,) = found_in(exercise, "release")
        assert "picture.png" in found.says and "source/tiny" in found.says

    def test_looking_changes_nothing(self, tmp_path: Path) -> None:
        exercise = tiny(tmp_path)
        found_in(exercise, "release")
        assert not course_of(exercise).release.exists() and not course_of(exercise).gradebook.exists()


class TestStub:
    def of(self, root: Path, cell: str) -> Exercise:
        """The task `double`, with this cell for its answer."""
        checks = """
            from assay.checks import *
            from reference import double

            values = agrees_with(double, points=2)
        """
        cells = (answer(cell, "double_answer"), marker("double", 2.0))
        graders = {"reference.py": REFERENCE, "checks.py": checks}
        return write_course(root, {"tiny": notebook(*cells)}, {"tiny": graders})["tiny"]

    def test_a_solution_that_nbgrader_takes_out_earns_nothing(self, tmp_path: Path) -> None:
        cell = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION\n"
        assert found_in(self.of(tmp_path, cell), "stub") == []

    def test_a_solution_outside_of_its_marks_is_found(self, tmp_path: Path) -> None:
        cell = "def double(x):\n    return 2 * x\n    ### BEGIN SOLUTION\n    ### END SOLUTION\n"
        (found,) = found_in(self.of(tmp_path, cell), "stub")
        assert found.about == "values" and "untouched" in found.says

    def test_points_for_being_there_are_found(self, tmp_path: Path) -> None:
        checks = CHECKS.replace("points=2", "points=1")
        checks += "\n    @check('is there', points=1, task='total')\n    def there(student): pass\n"
        assert about(findings(tmp_path, "stub", checks=checks)) == ["there"]


class TestZeros:
    def test_points_for_zeros_of_the_right_shape_are_found(self, tmp_path: Path) -> None:
        found = findings(tmp_path, "zeros", checks=CHECKS.replace(", after=double_values", ""))
        assert about(found) == ["double"] and "1 of 4 points" in found[0].says and "double_inputs" in found[0].says

    @pytest.mark.parametrize(
        ("asked", "earns"), [("counter.plus(2).number == 5", False), ("counter.number >= 0", True)]
    )
    def test_a_class_shows_zeros_too(self, tmp_path: Path, asked: str, earns: bool) -> None:
        reference = """
            class Counter:
                def __init__(self, number):
                    self.number = number

                def plus(self, other):
                    return Counter(self.number + other)
        """
        checks = f"""
            from assay.checks import *


            @check("it counts", points=2, task="Counter")
            def counts(student):
                counter = student.Counter(3)
                assert {asked}
        """
        exercise = exercise_in(tmp_path, reference=reference, checks=checks, tasks={"Counter": 2.0})
        assert found_in(exercise, "reference") == []
        assert about(found_in(exercise, "zeros")) == (["Counter"] if earns else [])


def test_a_right_answer_that_loses_points_is_found(tmp_path: Path) -> None:
    answers = ALTERNATIVES.replace("total = 0.0", "total = 1e-3")
    found = findings(tmp_path, "alternatives", alternatives=answers)
    assert set(about(found)) == {"looped"} and "total_values" in found[0].says


class TestMutants:
    def test_a_wrong_answer_that_keeps_its_points_is_found_with_its_diagnosis(self, tmp_path: Path) -> None:
        found = findings(tmp_path, "mutants", mutants=MUTANTS.replace("x / 2", "2.0 * x"))
        assert set(about(found)) == {"halved"} and "x is halved." in found[0].says

    def test_it_is_named_once_with_all_its_seeds(self, tmp_path: Path) -> None:
        (found,) = gathered(findings(tmp_path, "mutants", mutants=MUTANTS.replace("x / 2", "2.0 * x")))
        assert "on seed 0." in found.says and found.says.endswith("The same on seeds 1.")

    def test_losing_points_through_a_check_without_points_is_enough(self, tmp_path: Path) -> None:
        checks = """
            from assay.checks import *
            from reference import double, total

            gate = agrees_with(double, points=0)
            inputs = leaves_inputs_alone(double, points=4, after=gate)
            total_values = agrees_with(total, points=2)
        """
        assert findings(tmp_path, "mutants", checks=checks) == []
        bench = Bench(tiny(tmp_path / "again", checks=checks))
        assert {victim.first for victim in kills_on(bench).blocks[0].mutants} == {"gate", "inputs"}

    def test_what_is_known_of_a_seed_is_not_run_again(self, tmp_path: Path) -> None:
        bench = Bench(tiny(tmp_path, mutants=MUTANTS.replace("x / 2", "2.0 * x")))
        kills = kills_on(bench)
        tried = dict(bench.tries)
        assert about(list(mutants(bench, 0, kills))) == ["halved"] == about(list(mutants(bench, 0)))[:1]
        assert bench.tries == tried
        assert about(list(mutants(bench, 1))) == ["halved"] and sum(bench.tries.values()) > sum(tried.values())

    def test_the_check_that_failed_it_last_is_looked_at_first(self, tmp_path: Path) -> None:
        bench = Bench(tiny(tmp_path))
        in_place = next(answer for answer in bench.mutants if answer.name == "in_place")
        assert list(bench.failed(in_place, ["double_values", "double_inputs"])) == ["double_inputs"]
        assert bench.likeliest(in_place, ["double_values", "double_inputs"]) == ["double_inputs", "double_values"]

    def test_of_two_checks_that_fail_as_many_the_cheaper_is_looked_at_first(self, tmp_path: Path) -> None:
        bench = Bench(tiny(tmp_path))
        bench.costs.update(dear=3.0, cheap=0.1)
        assert bench.likeliest(bench.mutants[0], ["dear", "cheap"]) == ["cheap", "dear"]


class TestVacuous:
    def test_a_check_that_no_mutant_fails_is_found(self, tmp_path: Path) -> None:
        changed = MUTANTS.replace("x *= 2\n        return x", "return x * 3")
        assert about(findings(tmp_path, "vacuous", mutants=changed)) == ["double_inputs"]

    def test_the_picture_finds_the_same(self, tmp_path: Path) -> None:
        for name, of in (("sound", MUTANTS), ("lacking", MUTANTS.replace("x *= 2\n        return x", "return x * 3"))):
            bench = Bench(tiny(tmp_path / name, mutants=of))
            assert list(vacuous(bench)) == list(vacuous(bench, kills_on(bench)))

    def test_without_mutants_every_check_is_vacuous(self, tmp_path: Path) -> None:
        names = ["double_inputs", "double_values", "total_values"]
        assert about(findings(tmp_path, "vacuous", mutants="")) == names


class TestTime:
    SLOW = REFERENCE.replace("return 2 * x", "__import__('time').sleep(0.02); return 2 * x")

    def limited(self, root: Path, reference: str, limits: str) -> Exercise:
        exercise = tiny(root, reference=reference)
        (exercise.folder / "exercise.toml").write_text(f"[limits]\n{limits}\n")
        return course_of(exercise)["tiny"]

    @pytest.mark.parametrize(
        ("limits", "name"), [("call_seconds = 0.04", "call_seconds"), ("seconds = 1.4", "seconds")]
    )
    def test_a_reference_that_takes_more_than_a_third_is_found(self, tmp_path: Path, limits: str, name: str) -> None:
        found = found_in(self.limited(tmp_path, self.SLOW, limits), "time")
        assert about(found) == [name, name] and f"Set {name} to at least" in found[0].says

    def test_processor_time_counts_too(self, tmp_path: Path) -> None:
        busy = REFERENCE.replace("return 2 * x", "sum(range(200_000)); return 2 * x")
        assert about(found_in(self.limited(tmp_path, busy, "cpu_seconds = 0.05"), "time")) == ["cpu_seconds"] * 2

    def test_only_what_stays_slow_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A machine that was busy once is no fault of the exercise."""
        bench = Bench(self.limited(tmp_path, REFERENCE, "seconds = 120"))
        results, spent = bench.measured(0)
        slow = type(spent)(100.0, spent.cpu_seconds, spent.call_seconds)
        monkeypatch.setattr(Bench, "measured", lambda self, seed: (results, slow))
        assert list(too_slow(bench, 0)) == [] and max(time_shares(bench, 0).values()) < 1 / 3


class TestKills:
    @pytest.fixture
    def kills(self, tmp_path: Path) -> Iterator[Kills]:
        yield kills_on(Bench(tiny(tmp_path)))

    def test_each_function_has_its_checks_and_its_wrong_answers(self, kills: Kills) -> None:
        double, total = kills.blocks
        assert (double.function, double.alternatives) == ("double", 1) and kills.counts == (3, 2)
        assert [(row.name, row.points) for row in double.checks] == [("double_values", 3.0), ("double_inputs", 1.0)]
        assert [victim.name for victim in total.mutants] == ["without_the_first"]

    def test_it_is_known_who_fails_whom_and_who_takes_the_points_first(self, kills: Kills) -> None:
        found = {v.name: (set(v.killed_by), v.first) for block in kills.blocks for v in block.mutants}
        assert found == {
            "halved": ({"double_values"}, "double_values"),
            "in_place": ({"double_inputs"}, "double_inputs"),
            "without_the_first": ({"total_values"}, "total_values"),
        }

    def test_of_several_that_fail_it_the_first_in_order_takes_the_points(self, tmp_path: Path) -> None:
        block = kills_on(Bench(tiny(tmp_path, mutants=MUTANTS.replace("x *= 2", "x *= 3")))).blocks[0]
        in_place = block.mutants[1]
        assert (in_place.killed_by, in_place.first) == ({"double_values", "double_inputs"}, "double_values")

    def test_they_are_ranked_by_the_check_that_takes_their_points(self, tmp_path: Path) -> None:
        first, rest = MUTANTS.split('    @mutant(of="double", says="x is halved.")', 1)
        halved, others = rest.split('    @mutant(of="double", says="The argument', 1)
        turned = f'{first}    @mutant(of="double", says="The argument{others}'
        turned += f'\n    @mutant(of="double", says="x is halved."){halved}'
        block = kills_on(Bench(tiny(tmp_path, mutants=turned))).blocks[0]
        assert [victim.name for victim in block.mutants] == ["in_place", "halved"]
        assert [victim.name for victim in ranked(block)] == ["halved", "in_place"]


def test_the_order_of_findings_does_not_depend_on_who_was_first() -> None:
    one, two = Finding("vacuous", "a", "A."), Finding("points", "b", "B.")
    again = Finding("points", "b", "B.", 3)
    assert gathered([one, two]) == gathered([two, one]) == (two, one)
    assert gathered([one, two, again])[0].says == "B. The same on seeds 3."


def test_an_exercise_that_cannot_be_run_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AuthoringError, match="checks"):
        list(verify(exercise_in(tmp_path, checks="import nothing_of_that_name"), seeds=1))


def test_an_exercise_of_one_file_is_checked_too(tmp_path: Path) -> None:
    exercise = exercise_in(tmp_path, mutants=MUTANTS)
    exercise.checks.unlink()
    build_release(course_of(exercise), "tiny")
    found = list(verify(exercise, seeds=1))
    assert {finding.rule for finding in found} <= {"vacuous"}  # the standing checks of laws that no mutant breaks
    assert len(answers_in(exercise.mutants)) == 3
