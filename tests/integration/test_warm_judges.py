"""Sample submissions get the same verdicts from a judge of their own and from copies of one, live and from the bank."""

from pathlib import Path

import pytest

from assay.course import Exercise, open_course, read_json
from assay.errors import SandboxError
from assay.grading.judges import Judges
from assay.grading.pipeline import grade
from assay.notebook.extract import rebuild, source_of
from assay.outcome import Report
from assay.sandbox.isolation import Isolation, choose
from assay.submission import Source

ROOT = Path(__file__).parents[2]
COURSE = open_course(ROOT)
STUDENTS = ("small_mistakes", "own_style", "unfinished", "small_mistakes")


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    try:
        return choose()
    except SandboxError as error:
        pytest.skip(f"not run: {error}")


def samples_of(exercise: Exercise) -> dict[str, Source]:
    released = read_json(COURSE.release / exercise.name / exercise.notebook.name)
    paths = {student: ROOT / "examples" / student / exercise.name / exercise.notebook.name for student in STUDENTS}
    rebuilt = {student: rebuild(released, path.read_bytes()) for student, path in paths.items() if path.is_file()}
    return {student: source_of(one.notebook) for student, one in rebuilt.items()}


def verdicts(report: Report) -> list[tuple[object, ...]]:
    return [(check.name, check.outcome, check.earned, check.looked_at) for check in report.checks]


@pytest.mark.parametrize("name", ["gradient_descent", "convolution"])
def test_samples_get_the_same_verdicts_from_cold_and_warm_judges(name: str, isolation: Isolation) -> None:
    exercise = COURSE[name]
    samples = samples_of(exercise)

    def graded(student: str, judges: Judges | None) -> Report:
        about = {"secret": b"samples", "round": "warm", "isolation": isolation}
        return grade(exercise, samples[student], judges=judges, **about)

    cold = {student: graded(student, None) for student in samples}
    with Judges() as judges:
        for student in (student for student in STUDENTS if student in samples):
            warm = graded(student, judges)
            assert verdicts(warm) == verdicts(cold[student])
            assert warm.notes == cold[student].notes
            assert not any("is kept" in note for note in warm.staff_notes)  # the bank was filled
