"""Secrets, suite versions, rounds and the reports that staff keep."""

import json
import os
import time
from datetime import date
from pathlib import Path

import pytest

from assay.course import Course, open_course
from assay.errors import CourseError
from assay.grading.rounds import course_secret, draw_secret, load_report, round_name, save_report, suite_version
from assay.outcome import CheckResult, Outcome, Report


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "source" / "means").mkdir(parents=True)
    (tmp_path / "graders" / "means").mkdir(parents=True)
    (tmp_path / "source" / "means" / "means.ipynb").write_text(json.dumps({"cells": []}))
    (tmp_path / "graders" / "means" / "reference.py").write_text("def mean(x): ...\n")
    return open_course(tmp_path)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_secret_is_made_once_and_is_for_its_owner_alone(course: Course) -> None:
    first = course_secret(course)
    assert course_secret(course) == first and len(first) == 32
    assert mode(course.secret) == 0o600 and mode(course.state) == 0o700
    assert list(course.state.iterdir()) == [course.secret]


def test_another_course_has_another_secret(course: Course, tmp_path: Path) -> None:
    (tmp_path / "other" / "source").mkdir(parents=True)
    assert course_secret(open_course(tmp_path / "other")) != course_secret(course)


def test_a_damaged_secret_is_not_used(course: Course) -> None:
    course_secret(course)
    course.secret.write_bytes(b"")
    with pytest.raises(CourseError, match="damaged"):
        course_secret(course)


def test_of_two_first_uses_one_wins(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process makes its secret between our look and our write."""
    real_link = os.link

    def link_after_another(source: str, target: Path) -> None:
        if not target.exists():
            target.write_bytes(b"o" * 32)
        real_link(source, target)

    monkeypatch.setattr(os, "link", link_after_another)
    assert course_secret(course) == b"o" * 32
    assert list(course.state.iterdir()) == [course.secret]


@pytest.mark.parametrize(
    "change",
    [
        lambda course: (course.graders / "means" / "reference.py").write_text("def mean(x): return 0\n"),
        lambda course: (course.graders / "means" / "checks.py").write_text(""),
        lambda course: (course.graders / "means" / "reference.py").rename(course.graders / "means" / "answer.py"),
        lambda course: (course.source / "means" / "means.ipynb").write_text(json.dumps({"cells": [{}]})),
    ],
)
def test_a_change_of_the_exercise_is_a_new_version(course: Course, change) -> None:
    exercise = course["means"]
    before = suite_version(exercise)
    assert suite_version(exercise) == before and len(before) == 16
    change(course)
    assert suite_version(exercise) != before


def test_compiled_files_are_no_change(course: Course) -> None:
    before = suite_version(course["means"])
    (course.graders / "means" / "__pycache__").mkdir()
    (course.graders / "means" / "__pycache__" / "reference.cpython-311.pyc").write_bytes(b"x")
    assert suite_version(course["means"]) == before


def test_what_was_not_changed_is_not_read_again(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1 << 62)  # long after the last change
    before = suite_version(course["means"])

    def refuse(path: Path) -> bytes:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert suite_version(course["means"]) == before
    (course.graders / "means" / "notes.txt").write_text("new")
    with pytest.raises(AssertionError, match="read again"):
        suite_version(course["means"])


def test_two_changes_at_nearly_the_same_time_are_two_versions(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that counts time in steps shows no difference between them."""
    now = time.time_ns()
    monkeypatch.setattr("assay.grading.rounds._look", lambda path: (0, 0, now))
    found = set()
    for answer in range(3):
        (course.graders / "means" / "reference.py").write_text(f"def mean(x): return {answer}\n")
        found.add(suite_version(course["means"]))
    assert len(found) == 3


def test_examples_depend_on_secret_suite_and_round_and_on_nothing_else() -> None:
    drawn = draw_secret(b"s" * 32, suite="ab", round="2026-11-21")
    assert drawn == draw_secret(b"s" * 32, suite="ab", round="2026-11-21") and len(drawn) == 32
    others = [
        draw_secret(b"t" * 32, suite="ab", round="2026-11-21"),
        draw_secret(b"s" * 32, suite="ac", round="2026-11-21"),
        draw_secret(b"s" * 32, suite="ab", round="final"),
        draw_secret(b"s" * 32, suite="ab2", round="026-11-21"),
    ]
    assert len({drawn, *others}) == 5


def test_a_round_lasts_a_day() -> None:
    assert round_name(date(2026, 11, 21)) == "2026-11-21"
    assert round_name(date(2026, 11, 22)) != round_name(date(2026, 11, 21))


def report(message: str) -> Report:
    check = CheckResult("check_mean", "mean", "computes the mean", 3.0, Outcome.FAILED, message, staff_note="note")
    return Report("means", (check,), staff_notes=("no Landlock",), suite_version="ab12", round="2026-11-21")


def test_the_latest_report_is_kept_with_all_that_an_appeal_needs(course: Course) -> None:
    assert load_report(course, "means", "honest") is None
    save_report(course, "honest", report("first"))
    path = save_report(course, "honest", report("second"))
    assert load_report(course, "means", "honest") == report("second")
    assert mode(path) == 0o600 and [p.name for p in path.parent.iterdir()] == ["honest.json"]


def test_a_report_that_cannot_be_written_leaves_the_one_before(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_report(course, "honest", report("first"))

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(CourseError, match="no space left"):
        save_report(course, "honest", report("second"))
    assert load_report(course, "means", "honest") == report("first")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"checks": []}'])
def test_a_damaged_report_is_an_error_that_says_what_to_do(course: Course, content: bytes) -> None:
    save_report(course, "honest", report("first")).write_bytes(content)
    with pytest.raises(CourseError, match="again"):
        load_report(course, "means", "honest")
