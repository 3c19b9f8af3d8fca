"""The diagnosis on this repository's exercises: known mistakes in disguise are named, and nobody else is accused.

`python -m benchmarks.diagnosis --all` measures more, and prints the shares.
"""

import inspect
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.checks.answers import answers_in
from assay.checks.compare import kind
from assay.course import Course
from tests.support.diagnosis import Clinic, Disguise, by_hand, disguised_exercises

COURSE = Course(Path(__file__).parents[2])
EXERCISES = disguised_exercises()
LEAST = 0.95  # share of the disguises that are named, of those that can be; 1.0 was measured
PREPARED = 3.0  # seconds of processor time
EACH = 12  # of the mutants, every so many are tried in each other's place

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # wrong answers divide by zero


def in_one_process(exercise: str) -> object:
    """One clinic for all tests of an exercise."""
    return pytest.param(exercise, marks=pytest.mark.xdist_group(f"clinic of {exercise}"))


@pytest.fixture(scope="module", params=[in_one_process(name) for name in EXERCISES])
def clinic(request: pytest.FixtureRequest) -> Clinic:
    return Clinic(COURSE[request.param])


def test_mistakes_in_disguise_are_named_and_no_others(clinic: Clinic) -> None:
    told = {one: clinic.told(one.function, one.of) for one in by_hand(clinic.exercise.name)}
    assert not {one.name: found for one, found in told.items() if clinic.accused_wrongly(one, found)}
    can_be = [one for one in told if one.named]
    missed = [one.name for one in can_be if not clinic.sentences(one) & set(told[one])]
    assert len(can_be) - len(missed) >= LEAST * len(can_be), missed


def test_what_is_prepared_changes_no_diagnosis(clinic: Clinic) -> None:
    """However far the time for it goes."""
    prepared = clinic.prepared(seconds=PREPARED)
    known = [(answer.name, answer.of, answer.function) for answer in clinic.known.mutants[::EACH]]
    disguised = [(one.name, one.of, one.function) for one in by_hand(clinic.exercise.name)[::4]]
    for name, of, function in known + disguised:
        if clinic.can_diagnose(of):
            assert prepared.told(function, of) == clinic.told(function, of), name


def test_a_task_whose_data_is_kept_back_is_not_even_asked(clinic: Clinic) -> None:
    """Nor trained: that would take minutes."""
    asked: list[str] = []
    for task in clinic.exercise.tasks:
        if not clinic.can_diagnose(task.name):
            assert clinic.kept_back(task.name), task.name
            assert clinic.told_of_kept_back(lambda *_, of=task.name, **__: asked.append(of), task.name) == ()
    assert asked == []


def test_there_are_disguises_enough(clinic: Clinic) -> None:
    disguises = by_hand(clinic.exercise.name)
    known = {(answer.of, answer.name) for answer in clinic.known.mutants}
    assert all((one.of, mistake) in known for one in disguises for mistake in one.mistakes)
    for task in clinic.exercise.tasks:
        if clinic.can_diagnose(task.name):
            assert sum(one.of == task.name and one.named for one in disguises) >= 4, task.name


def test_a_known_mistake_is_taken_for_no_other(clinic: Clinic) -> None:
    for answer in clinic.known.mutants[::EACH]:
        if clinic.can_diagnose(answer.of):
            itself = Disguise(answer.name, answer.of, (answer.name,), answer.function)
            told = clinic.told(answer.function, answer.of, seed=1)
            assert not clinic.accused_wrongly(itself, told), answer.name


def test_right_answers_are_never_accused(clinic: Clinic) -> None:
    """Not even where a check says that they fail."""
    for answer in answers_in(clinic.exercise.alternatives):
        if clinic.can_diagnose(answer.of):
            assert clinic.told(answer.function, answer.of, all_failed=True) == (), answer.name


NOISE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "random numbers": lambda right: np.sin(np.arange(right.size) * 7.3 + right.size).reshape(right.shape),
    "almost right": lambda right: right * (1 + 1e-3 * np.cos(np.arange(right.size)).reshape(right.shape)),
    "a constant more": lambda right: right + 0.125,
    "three times as much": lambda right: right * 3,
    "zeros": lambda right: right * 0,
    "ones": lambda right: right * 0 + 1,
    "no numbers": lambda right: right * np.nan,
    "reversed": lambda right: right.ravel()[::-1].reshape(right.shape) + 0.5,
}


@pytest.mark.parametrize("noise", NOISE)
def test_what_is_no_known_mistake_has_no_name(clinic: Clinic, noise: str) -> None:
    for name, right in functions(clinic).items():
        assert clinic.told(changed(right, NOISE[noise]), name) == (), name


def test_an_argument_handed_back_has_no_name(clinic: Clinic) -> None:
    for name in functions(clinic):
        for place in (0, -1):
            assert clinic.told(lambda *args, place=place: args[place], name) == (), name


def test_two_mistakes_at_once_are_not_taken_for_a_third(clinic: Clinic) -> None:
    silent = 0
    for name, right in functions(clinic).items():
        wrong = [answer for answer in clinic.known.mutants if answer.of == name]
        for one, other in islice(zip(wrong, wrong[3::2], strict=False), 3):
            both = summed(right, one.function, other.function)
            told = set(clinic.told(both, name))
            assert told <= {one.says, other.says}, (one.name, other.name)
            silent += not told
    assert silent


def functions(clinic: Clinic) -> dict[str, Callable[..., Any]]:
    """The right functions of the tasks, without classes."""
    found = {task.name: clinic.known.reference.get(task.name) for task in clinic.exercise.tasks}
    return {name: value for name, value in found.items() if inspect.isfunction(value) and clinic.can_diagnose(name)}


def changed(function: Callable[..., Any], change: Callable[[np.ndarray], np.ndarray]) -> Callable[..., Any]:
    """The function with all numbers of its result changed; whole numbers are rounded, so that some changes are none."""

    def noisy(*args: Any, **kwargs: Any) -> Any:
        return walk(function(*args, **kwargs), change)

    return noisy


def walk(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(walk(part, change) for part in value)
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "i":
            return np.nan_to_num(change(value.astype(np.float64))).round().astype(value.dtype)
        return change(value) if value.dtype.kind == "f" else value
    return float(change(np.array([float(value)]))[0]) if kind(value) == "number" else value


def summed(right: Callable[..., Any], one: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    """Both mistakes, one on top of the other; the first alone where the second changes the shape."""

    def both(*args: Any, **kwargs: Any) -> Any:
        copies = [[arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args] for _ in range(3)]
        return together(one(*copies[0], **kwargs), other(*copies[1], **kwargs), right(*copies[2], **kwargs))

    return both


def together(one: Any, other: Any, right: Any) -> Any:
    if any(isinstance(part, (tuple, list)) for part in (one, other, right)):
        if type(one) is type(other) is type(right) and len(one) == len(other) == len(right):
            return type(one)(map(together, one, other, right))
        return one
    return one + (other - right) if np.shape(one) == np.shape(other) == np.shape(right) else one
