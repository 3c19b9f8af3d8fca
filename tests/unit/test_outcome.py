"""Reports: what is earned, and the one JSON form."""

import pytest

from assay.outcome import Call, CheckResult, Counterexample, Outcome, Report, from_json, to_json


def verdict(outcome: Outcome, points: float, task: str = "conv2d", **more) -> CheckResult:
    return CheckResult("check_values", task, "computes the right values", points, outcome, **more)


def test_a_report_survives_its_json_form() -> None:
    example = Counterexample((Call("conv2d", (("x", "[1]"), ("stride", "2")), None),), got="[1]", expected="[2]")
    report = Report(
        "convolution",
        (
            verdict(Outcome.FAILED, 2.0, message="näh \ud83d", hint="stride?", counterexample=example),
            verdict(Outcome.BROKEN, 1.0, staff_note="Traceback", reveals="nothing"),
        ),
        notes=("cell 3 stopped",),
        staff_notes=("no Landlock",),
        suite_version="ab12",
        round="2026-11-21",
        seconds=0.5,
    )
    assert from_json(to_json(report)) == report


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "{}",
        '{"assignment": "a", "checks": 3, "notes": [], "staff_notes": []}',
        '{"assignment": "a", "checks": [{}], "notes": [], "staff_notes": []}',
        '{"assignment": "a", "checks": [], "notes": [], "staff_notes": [], "score": 3}',
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(text)


def test_an_unknown_outcome_is_refused() -> None:
    text = to_json(Report("a", (verdict(Outcome.PASSED, 1.0),))).replace('"passed"', '"excellent"')
    with pytest.raises(ValueError):
        from_json(text)


def test_only_a_failed_check_costs_points() -> None:
    report = Report(
        "convolution",
        (
            verdict(Outcome.PASSED, 4.0),
            verdict(Outcome.FAILED, 2.0),
            verdict(Outcome.BROKEN, 1.0),
            verdict(Outcome.PASSED, 8.0, task="max_pool2d"),
        ),
    )
    assert report.score("conv2d", 7.0) == 5.0
    assert report.score("max_pool2d", 8.0) == 8.0
    assert report.score("conv2d_backward", 3.0) == 0.0
    assert [check.points for check in report.broken] == [1.0]


def test_a_score_is_a_plain_float_within_the_points_of_the_task() -> None:
    report = Report("convolution", (verdict(Outcome.PASSED, 4),))
    assert report.score("conv2d", 3) == 3.0
    assert type(report.score("conv2d", 10)) is float
