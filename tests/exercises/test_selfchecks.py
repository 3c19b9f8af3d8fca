"""Self-checks that are released: right answers pass, wrong ones are caught, and their sentences are their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.checks.check import check_of
from assay.checks.plugin import checks_in
from assay.checks.siblings import load, siblings
from assay.course import open_course
from assay.outcome import Outcome
from tests.support.selfchecks import SelfChecks, all_self_checks

COURSE = open_course(Path(__file__).parents[2])
ALL = all_self_checks(COURSE)
SEEDS = range(8)
LEAST_SHARE = 0.9  # of the wrong answers in graders/; laws need not find all of them
LEAST_SHARES = {"mnist_keras": 0.65}  # many of its wrong answers are networks that are too weak for real digits


@pytest.fixture(scope="module", params=ALL, ids=lambda one: one.exercise.name)
def selfchecks(request: pytest.FixtureRequest) -> SelfChecks:
    return request.param


def test_every_notebook_with_hidden_checks_has_self_checks() -> None:
    exercises = {name for assignment in COURSE.assignments for name in COURSE.exercises_of(assignment)}
    assert {one.exercise.name for one in ALL} == exercises


def test_every_task_has_some(selfchecks: SelfChecks) -> None:
    assert {one.about for one in selfchecks.checks} == {task.name for task in selfchecks.exercise.tasks}


def test_the_released_file_is_the_instructor_s(selfchecks: SelfChecks) -> None:
    released = COURSE.release / selfchecks.exercise.notebook.parent.name / selfchecks.file.name
    assert released.read_text() == selfchecks.file.read_text()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_reference_passes(selfchecks: SelfChecks, seed: int) -> None:
    results = selfchecks.run(seed=seed, drawn=seed > 0)
    failed = [(one.name, one.message) for one in results if one.outcome is not Outcome.PASSED]
    assert not failed


def test_right_answers_written_differently_pass(selfchecks: SelfChecks) -> None:
    for answer in selfchecks.alternatives:
        results = selfchecks.run({answer.of: answer.function}, about=answer.of)
        assert not [(answer.name, one.name, one.message) for one in results if one.outcome is not Outcome.PASSED]


def test_wrong_answers_are_caught_and_each_check_catches_one(selfchecks: SelfChecks) -> None:
    caught = {
        answer: [
            one.name
            for one in selfchecks.run({answer.of: answer.function}, about=answer.of)
            if one.outcome is Outcome.FAILED and one.looked_at
        ]
        for answer in selfchecks.mutants
    }
    missed = [answer.name for answer, names in caught.items() if not names]
    share = LEAST_SHARES.get(selfchecks.exercise.name, LEAST_SHARE)
    assert len(missed) <= (1 - share) * len(caught), missed
    idle = {one.name for one in selfchecks.checks} - {name for names in caught.values() for name in names}
    assert not idle


def test_no_sentence_is_one_of_the_hidden_ones(selfchecks: SelfChecks) -> None:
    with siblings(selfchecks.exercise.folder):
        found = vars(load(selfchecks.exercise.checks))
    hidden = {check_of(check).sentence for name, value in found.items() for _, check in checks_in(name, value)}
    assert hidden and hidden.isdisjoint(one.check.sentence for one in selfchecks.checks)
