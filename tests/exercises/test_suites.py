"""The hidden checks of this repository's exercises are checked themselves."""

from collections import Counter
from pathlib import Path

import pytest

from assay.checks.answers import answers_in
from assay.course import Course
from assay.grading.bench import Bench
from assay.grading.verify import RULES

COURSE = Course(Path(__file__).parents[2])
EXERCISES = COURSE.exercises
SEEDS = {"reference": 3, "mutants": 8}  # else 1; `assay verify` takes eight for each


@pytest.fixture(scope="module", params=EXERCISES)
def bench(request: pytest.FixtureRequest) -> Bench:
    """One for all rules, so that examples are drawn once."""
    return Bench(COURSE[request.param])


@pytest.mark.parametrize("rule", RULES)
def test_an_exercise_owes_nothing(bench: Bench, rule: str) -> None:
    found = RULES[rule](bench, SEEDS.get(rule, 1))
    assert [finding.says for finding in found] == []


def test_there_are_wrong_and_right_answers_enough(bench: Bench) -> None:
    """A dozen mistakes and four ways to be right for the function or class of each task."""
    wrong = Counter(answer.of for answer in answers_in(bench.exercise.mutants))
    right = Counter(answer.of for answer in answers_in(bench.exercise.alternatives))
    for task in bench.exercise.tasks:
        assert wrong[task.name] >= 12 and right[task.name] >= 4, task.name


def test_this_course_has_exercises() -> None:
    assert {"backprop", "convolution", "gradient_descent"} <= set(EXERCISES)
