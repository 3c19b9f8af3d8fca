"""Which reports of a judge are believed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.checks.check import REVEALS
from assay.course import Exercise, Task
from assay.errors import AuthoringError
from assay.grading.sound import Unsound, sound_report
from assay.outcome import (
    MOST_ENTRIES,
    MOST_PICTURES,
    PICTURE_KINDS,
    Call,
    CheckResult,
    Counterexample,
    Outcome,
    Picture,
    Report,
    to_json,
)

PICTURE = Picture("got", "matrix", (1, 3), (1.0, float("inf"), -2.5))
EXAMPLE = Counterexample((Call("total", (("x", "[1]"),), None),), got="1", expected="2", pictures=(PICTURE,))
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


@pytest.mark.parametrize("reveals", REVEALS)
def test_whatever_a_check_may_reveal_is_believed(exercise: Exercise, reveals: str) -> None:
    told = Report("", (replace(DOUBLE, reveals=reveals), TOTAL))
    assert sound_report(to_json(told), exercise) == told


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
        ({"kind": "film"}, "no known kind"),
        ({"shape": ()}, "too large"),
        ({"shape": (1,) * 9, "values": (1.0,)}, "too large"),
        ({"shape": (MOST_ENTRIES + 1,), "values": (0.0,) * (MOST_ENTRIES + 1)}, "too large"),
        ({"shape": (3.0,)}, "no number from 0 on"),
        ({"shape": (True, 3)}, "no number from 0 on"),
        ({"shape": (-1, -3)}, "no number from 0 on"),
        ({"shape": ("3",)}, "no number from 0 on"),
        ({"shape": (2, 3)}, "3 numbers for the shape"),
        ({"shape": (10**30,)}, "3 numbers for the shape"),
        ({"kind": "graph"}, "cannot be drawn as a graph"),
        ({"shape": (1, 1, 3)}, "cannot be drawn as a matrix"),
        ({"kind": "curve", "shape": (1, 1, 3)}, "cannot be drawn as a curve"),
        ({"name": 7}, "not text"),
        ({"kind": ["matrix"]}, "not text"),
        ({"values": ("a", 1.0, 2.0)}, "cannot be read"),
        ({"values": (None, 1.0, 2.0)}, "cannot be read"),
        ({"values": (10**400, 1.0, 2.0)}, "cannot be read"),
        ({"values": 7}, "cannot be read"),
        ({"shape": None}, "cannot be read"),
    ],
)
def test_pictures_that_cannot_be_drawn_are_refused(exercise: Exercise, changes: dict, words: str) -> None:
    example = replace(EXAMPLE, pictures=(PICTURE, replace(PICTURE, **changes)))
    with pytest.raises(Unsound, match=words):
        sound_report(to_json(replace(SOUND, checks=(DOUBLE, replace(TOTAL, counterexample=example)))), exercise)


def test_more_pictures_than_are_kept_of_an_example_are_refused(exercise: Exercise) -> None:
    example = replace(EXAMPLE, pictures=(PICTURE,) * (MOST_PICTURES + 1))
    with pytest.raises(Unsound, match="pictures"):
        sound_report(to_json(replace(SOUND, checks=(DOUBLE, replace(TOTAL, counterexample=example)))), exercise)


@pytest.mark.parametrize("kind", PICTURE_KINDS)
def test_pictures_of_every_kind_come_through_whole(exercise: Exercise, kind: str) -> None:
    pictures = (Picture("got", kind, (2, 2), (0.0, 1.0, float("-inf"), 1e-300)), Picture("x[2, 0:0]", kind, (0, 0), ()))
    example = replace(EXAMPLE, pictures=pictures)
    report = replace(SOUND, checks=(DOUBLE, replace(TOTAL, counterexample=example)))
    assert sound_report(to_json(report), exercise) == report
    nan = replace(example, pictures=(replace(PICTURE, values=(float("nan"),) * 3),))
    sent = replace(SOUND, checks=(DOUBLE, replace(TOTAL, counterexample=nan)))
    received = sound_report(to_json(sent), exercise).checks[1].counterexample
    assert received is not None and all(value != value for value in received.pictures[0].values)


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
