"""Every hostile submission ends with the score that its right answers deserve, and shows nothing it must not."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup

from assay.outcome import Outcome
from tests.support.hostile import Hostile, hostile_submissions

if TYPE_CHECKING:
    from tests.hostile.conftest import Attacked

SUBMISSIONS = hostile_submissions()
BY_STUDENT = {hostile.student: hostile for hostile in SUBMISSIONS}
ADDRESSES = ("action", "data", "formaction", "href", "src", "srcdoc", "xlink:href")
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
            assert alive_in(text) == [], f"{name} holds a script of the student's"
            assert not TERMINAL.search(text)


def alive_in(page: str) -> list[str]:
    """Elements that a browser would run or load for a student: what is escaped is text, and no element."""
    return [
        str(tag)[:200]
        for tag in BeautifulSoup(page, "html.parser").find_all(True)
        if tag.name in ("iframe", "frame", "object", "embed", "base", "form")
        or tag.name == "script"
        and "FORGED" in tag.get_text()
        or any(name.startswith("on") for name in tag.attrs)
        or any("javascript:" in "".join(str(tag.get(name, "")).split()).lower() for name in ADDRESSES)
    ]


@pytest.mark.parametrize(
    "dead",
    [
        "<script>window.FORGED = 1</script>",
        "<img src=x onerror='window.FORGED = 1'>",
        "<svg onload=window.FORGED=1></svg>",
        "<a href='java\nscript:FORGED'>x</a>",
        "<iframe srcdoc='FORGED'></iframe>",
    ],
)
def test_a_script_would_be_seen(dead: str) -> None:
    assert len(alive_in(f"<p>{dead}</p>")) == 1 and alive_in(f"<p>{html.escape(dead)}</p>") == []


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
