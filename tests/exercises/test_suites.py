"""The hidden checks of this repository's exercises are checked themselves, as `assay verify` does it."""

from collections import Counter
from pathlib import Path

import pytest

from assay.checks.answers import answers_in
from assay.course import Course
from assay.grading.bench import Bench
from assay.grading.verify import Part, parts_of, prove

COURSE = Course(Path(__file__).parents[2])
EXERCISES = COURSE.exercises
RIGHT_SEEDS = 2  # they cost as much as all other rules together; `assay verify` takes eight
PARTS = [part for name in EXERCISES for part in parts_of(COURSE[name], right_seeds=RIGHT_SEEDS, closely=False)]


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_an_exercise_owes_nothing(part: Part) -> None:
    assert [finding.says for finding in prove(part).findings] == []


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # by torch_geometric
@pytest.mark.parametrize("name", EXERCISES)
def test_there_are_wrong_and_right_answers_enough(name: str) -> None:
    """A dozen mistakes and four ways to be right for the function or class of each task."""
    exercise = COURSE[name]
    wrong = Counter(answer.of for answer in answers_in(exercise.mutants))
    right = Counter(answer.of for answer in answers_in(exercise.alternatives))
    for task in exercise.tasks:
        assert wrong[task.name] >= 12 and right[task.name] >= 4, task.name


def test_a_check_that_nothing_has_tried_yet_is_not_taken_for_a_cheap_one() -> None:
    """It may be one that trains: then each wrong answer would be trained for every check before a likely one is run."""
    bench = Bench(COURSE["convolution"])
    answer = bench.mutants[0]
    assert bench.likeliest(answer, ["first", "second"]) == ["first", "second"]
    bench.costs.update(dear=5.0, cheap=0.1)
    assert bench.likeliest(answer, ["untried", "cheap"]) == ["cheap", "untried"]
    bench.tries["dear"] = 3  # and failed none
    assert bench.likeliest(answer, ["dear", "untried", "cheap"]) == ["cheap", "untried", "dear"]


def test_this_course_has_exercises() -> None:
    assert {"backprop", "convolution", "gradient_descent"} <= set(EXERCISES)
