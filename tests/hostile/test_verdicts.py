"""Every hostile submission ends with the score that its right answers deserve, and shows nothing it must not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from assay.outcome import Outcome
from tests.support.hostile import Hostile, hostile_submissions

if TYPE_CHECKING:
    from tests.hostile.conftest import Attacked

SUBMISSIONS = hostile_submissions()
BY_STUDENT = {hostile.student: hostile for hostile in SUBMISSIONS}
ALIVE = re.compile(
    r"<script[^>]*>[^<]*FORGED|onerror\s*=\s*['\"]?(?:window|alert)|onload\s*=\s*['\"]?window|=\"?javascript:", re.I
)
STYLES = re.compile(r"<style.*?</style>", re.DOTALL)
TERMINAL = re.compile(r"\x1b|\\u001b\[2J")
STOPPED = (
    "time",
    "long",
    "memory",
    "ended",
    "died",
    "killed",
    "large",
    "deep",
    "processes",
    "recursion",
    "stopped",
    "not defined",
)


def test_there_are_enough_of_them() -> None:
    assert len([hostile for hostile in SUBMISSIONS if hostile.verdict != "controls"]) >= 45
    assert {hostile.verdict for hostile in SUBMISSIONS} == {"controls", "must_fail", "must_not_break", "must_time_out"}


@pytest.mark.parametrize("hostile", SUBMISSIONS, ids=lambda hostile: hostile.student)
def test_it_gets_what_it_deserves(attacked: Attacked, hostile: Hostile) -> None:
    result = attacked.grade(hostile)
    assert result.error == ""
    scores = {score.name: score.points for score in result.scores if score.automatic}
    assert scores == hostile.deserves, failures(result)
    assert result.report is not None
    assert not [check for check in result.report.checks if check.outcome is Outcome.BROKEN], (
        "our fault, not the student's"
    )
    if hostile.verdict == "must_time_out":
        assert any(word in failures(result).lower() for word in STOPPED), failures(result)
    assert result.feedback, "no feedback was written"
    shows_nothing_hidden(attacked, hostile.student)


def failures(result) -> str:
    return "\n".join(
        [f"{check.sentence}: {check.message}" for check in result.report.checks if check.outcome is Outcome.FAILED]
        + list(result.report.notes)
    )


def shows_nothing_hidden(attacked: Attacked, student: str) -> None:
    shown = attacked.shown_to(student)
    assert any(name.endswith(".html") for name in shown)
    assert not attacked.asked, f"a service of this machine was reached: {attacked.asked[0]!r}"
    for name, text in shown.items():
        for secret in attacked.secrets:
            assert secret not in text, f"{name} shows {secret}"
        assert str(attacked.course.root) not in text, f"{name} shows where the course lies"
        if name.endswith(".html"):
            page = STYLES.sub("", text)  # nbgrader's own, where links are styled by their target
            assert not ALIVE.search(page), f"{name} holds a script of the student's: {ALIVE.search(page)}"
            assert not TERMINAL.search(text)


def test_nothing_is_left_for_the_next_student(attacked: Attacked) -> None:
    attacked.grade(BY_STUDENT["must_fail_persistence"])
    result = attacked.grade(BY_STUDENT["must_fail_persisted"])
    assert {score.name: score.points for score in result.scores}["gradient_step"] == 0
    assert not any("PERSISTED" in text for text in attacked.shown_to("must_fail_persisted").values())


def test_a_regrade_gives_the_same(attacked: Attacked) -> None:
    hostile = BY_STUDENT["controls_half_right"]
    first, second = attacked.grade(hostile), attacked.grade(hostile)
    assert first.scores == second.scores
    assert first.report is not None and second.report is not None
    assert [check.message for check in first.report.checks] == [check.message for check in second.report.checks]


def test_a_failing_check_shows_its_smallest_input(attacked: Attacked) -> None:
    attacked.grade(BY_STUDENT["controls_half_right"])
    page = next(text for name, text in attacked.shown_to("controls_half_right").items() if name.endswith(".html"))
    assert "expected" in page and "descend(" in page
