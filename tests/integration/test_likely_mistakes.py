"""The likely mistake from the submission to the page, through a real judge and a real sandbox."""

from dataclasses import replace
from pathlib import Path

import pytest

from assay.course import Exercise, open_course, read_json
from assay.feedback.html import as_html
from assay.feedback.text import as_text
from assay.grading.pipeline import grade
from assay.notebook.extract import rebuild, source_of
from assay.outcome import Outcome, Report
from assay.sandbox.isolation import Isolation, choose
from tests.support.grading import CHECKS, HONEST, exercise_in, source

HALVED = "x is halved: multiply by 2, <not> 1/2."
MUTANTS = f"""
    from assay.checks import mutant


    @mutant(of="double", says="{HALVED}")
    def halved(x):
        return x / 2
"""
HALF = "def double(numbers):\n    return np.array([0.5 * number for number in numbers])\n"
ROOT = Path(__file__).parents[2]
COURSE = open_course(ROOT)


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    return choose()


def graded(exercise: Exercise, isolation: Isolation, **answers: str) -> Report:
    submission = source({**HONEST, **{f"{name}_answer": body for name, body in answers.items()}})
    return grade(exercise, submission, secret=b"diagnosis", round="a", isolation=isolation)


def told(report: Report) -> dict[str, tuple[str, ...]]:
    return {check.name: check.diagnosis for check in report.checks if check.diagnosis}


def verdicts(report: Report) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in report.checks}


def test_a_known_mistake_is_named_on_the_page(tmp_path: Path, isolation: Isolation) -> None:
    exercise = exercise_in(tmp_path, mutants=MUTANTS)
    report = graded(exercise, isolation, double=HALF)
    assert told(report) == {"double_values": (HALVED,)}
    assert f"Likely mistake: {HALVED}" in as_text(report, exercise.tasks)
    page = as_html(report.for_task("double"))
    assert "x is halved: multiply by 2, &lt;not&gt; 1/2." in page
    assert not report.staff_notes
    assert told(graded(exercise, isolation)) == {}


def test_inputs_that_are_kept_back_give_no_diagnosis(tmp_path: Path, isolation: Isolation) -> None:
    checks = CHECKS.replace("points=3", "points=3, reveals='sentence'")
    exercise = exercise_in(tmp_path, mutants=MUTANTS, checks=checks)
    assert told(graded(exercise, isolation, double=HALF)) == {}


def test_a_report_never_shows_a_diagnosis_beside_a_sentence_alone(tmp_path: Path, isolation: Isolation) -> None:
    exercise = exercise_in(tmp_path, mutants=MUTANTS)
    report = graded(exercise, isolation, double=HALF)
    hidden = replace(report, checks=tuple(replace(check, reveals="sentence") for check in report.checks))
    assert "halved" not in as_text(hidden, exercise.tasks) + as_html(hidden.for_task("double"))


def test_mutants_that_cannot_be_used_change_no_verdict(tmp_path: Path, isolation: Isolation) -> None:
    report = graded(exercise_in(tmp_path, mutants="import nowhere_at_all\n"), isolation, double=HALF)
    assert verdicts(report)["double_values"] is Outcome.FAILED
    assert verdicts(report)["total_values"] is Outcome.PASSED
    assert any("nowhere_at_all" in note for note in report.staff_notes)


DYING = """
import os

calls = 0


def double(x):
    global calls
    calls += 1
    if calls > 25:
        os._exit(1)
    return x / 2
"""


def test_a_submission_that_ends_during_the_diagnosis_keeps_its_verdicts(tmp_path: Path, isolation: Isolation) -> None:
    exercise = exercise_in(tmp_path, mutants=MUTANTS)
    report = graded(exercise, isolation, double=DYING)
    assert verdicts(report) == verdicts(graded(exercise, isolation, double=HALF))
    assert told(report) == {}


@pytest.mark.parametrize("assignment", ["backprop", "convolution", "gradient_descent"])
def test_the_samples_with_small_mistakes_are_told_theirs(assignment: str, isolation: Isolation) -> None:
    path = ROOT / "examples" / "small_mistakes" / assignment / f"{assignment}.ipynb"
    rebuilt = rebuild(read_json(COURSE.release / assignment / path.name), path.read_bytes())
    report = grade(COURSE[assignment], source_of(rebuilt.notebook), secret=b"samples", round="a", isolation=isolation)
    assert len(told(report)) >= 3, as_text(report, COURSE[assignment].tasks)
