"""Which reports of a judge are believed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.course import Exercise, Task
from assay.errors import AuthoringError
from assay.grading.sound import Unsound, sound_report
from assay.outcome import Call, CheckResult, Counterexample, Outcome, Report, to_json

EXAMPLE = Counterexample((Call("total", (("x", "[1]"),), None),), got="1", expected="2")
TOTAL = CheckResult("total_values", "total", "adds", 2.0, Outcome.FAILED, "got 1", counterexample=EXAMPLE)
DOUBLE = CheckResult("double_values", "double", "doubles", 4.0, Outcome.PASSED)
SOUND = Report("", (DOUBLE, TOTAL), notes=("cell 3 stopped",))


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    exercise = Exercise("tiny", tmp_path, tmp_path / "tiny.ipynb")
    exercise.__dict__["tasks"] = (Task("double", 4.0), Task("total", 2.0))
    return exercise


def test_a_sound_report_is_believed_as_it_is(exercise: Exercise) -> None:
    assert sound_report(to_json(SOUND), exercise) == SOUND


@pytest.mark.parametrize(
    "points", [-1.0, float("nan"), float("inf"), "2", None, True, [2.0], pytest.param(10**400, id="huge")]
)
def test_points_are_finite_numbers_from_zero(exercise: Exercise, points: Any) -> None:
    with pytest.raises(Unsound, match="worth"):
        sound_report(to_json(replace(SOUND, checks=(DOUBLE, replace(TOTAL, points=points)))), exercise)


@pytest.mark.parametrize("field", ["name", "task", "sentence", "message", "hint", "staff_note", "reveals"])
@pytest.mark.parametrize("value", [7, None, ["a"]])
def test_words_are_text(exercise: Exercise, field: str, value: Any) -> None:
    with pytest.raises(Unsound, match="not text"):
        sound_report(to_json(replace(SOUND, checks=(DOUBLE, replace(TOTAL, **{field: value})))), exercise)


@pytest.mark.parametrize(
    "example",
    [
        replace(EXAMPLE, got=7),
        replace(EXAMPLE, expected=["2"]),
        Counterexample((Call("total", (("x", 1),), None),)),
        Counterexample((Call("total", ((1, "x"),), None),)),
        Counterexample((Call(None, (), None),)),
        Counterexample((Call("total", (), 3),)),
    ],
)
def test_counterexamples_are_text_all_through(exercise: Exercise, example: Counterexample) -> None:
    with pytest.raises(Unsound, match="not text"):
        sound_report(to_json(replace(SOUND, checks=(DOUBLE, replace(TOTAL, counterexample=example)))), exercise)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"checks": (DOUBLE, TOTAL, replace(TOTAL, points=0.0))}, "two verdicts"),
        ({"checks": (DOUBLE, replace(TOTAL, task="other"))}, "does not have"),
        ({"checks": (DOUBLE, replace(TOTAL, reveals="everything"))}, "reveals"),
        ({"checks": (DOUBLE, replace(TOTAL, outcome="excellent"))}, "cannot be read"),
        ({"notes": (7,)}, "not text"),
        ({"notes": 7}, "cannot be read"),
        ({"staff_notes": ({},)}, "not text"),
    ],
)
def test_what_a_sound_judge_would_not_report_is_refused(exercise: Exercise, changes: dict, words: str) -> None:
    with pytest.raises(Unsound, match=words):
        sound_report(to_json(replace(SOUND, **changes)), exercise)


@pytest.mark.parametrize(
    "text", ["", "7", "null", "[]", "{}", "[" * 100_000, json.dumps({"checks": [7], "notes": [], "staff_notes": []})]
)
def test_what_is_no_report_is_refused(exercise: Exercise, text: str) -> None:
    with pytest.raises(Unsound, match="cannot be read"):
        sound_report(text, exercise)


@pytest.mark.parametrize(
    "checks", [(DOUBLE,), (DOUBLE, TOTAL, replace(TOTAL, name="more")), (DOUBLE, replace(TOTAL, points=2.5))]
)
def test_points_that_are_not_those_of_the_notebook_are_the_authors_error(exercise: Exercise, checks: tuple) -> None:
    with pytest.raises(AuthoringError, match="total"):
        sound_report(to_json(replace(SOUND, checks=checks)), exercise)
