"""The hidden checks of this repository's exercises are checked themselves."""

from collections import Counter
from pathlib import Path

import pytest

from assay.checks.answers import answers_in
from assay.course import Course
from assay.grading.bench import Bench
from assay.grading.verify import RULES

COURSE = Course(Path(__file__).parents[2])
EXERCISES = [name for name in COURSE.assignments if COURSE.has_checks(name)]
SEEDS = {"reference": 3, "alternatives": 2, "mutants": 8}  # `assay verify` takes eight for each


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_exercise_owes_nothing(exercise: str, rule: str) -> None:
    found = RULES[rule](Bench(COURSE[exercise]), SEEDS.get(rule, 1))
    assert [finding.says for finding in found] == []


@pytest.mark.parametrize("exercise", EXERCISES)
def test_there_are_wrong_and_right_answers_enough(exercise: str) -> None:
    """A dozen mistakes and four ways to be right for each function or class of the notebook's tasks."""
    wrong = Counter(answer.of for answer in answers_in(COURSE[exercise].mutants))
    right = Counter(answer.of for answer in answers_in(COURSE[exercise].alternatives))
    for task in COURSE[exercise].tasks:
        assert wrong[task.name] >= 12 and right[task.name] >= 4, task.name
