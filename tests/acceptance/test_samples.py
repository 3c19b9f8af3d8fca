"""Right sample submissions get every point through the real judge and sandbox: the instructor's way, and another one.

`own_style` holds loops, helper cells and torch optimisers where the reference has numpy.
"""

from pathlib import Path

import pytest

from assay.course import exercise_name, open_course, read_json
from assay.errors import SandboxError
from assay.feedback.text import as_text
from assay.grading.pipeline import grade
from assay.notebook.extract import rebuild, source_of
from assay.notebook.files import side_files
from assay.sandbox.isolation import choose

ROOT = Path(__file__).parents[2]
COURSE = open_course(ROOT)
RIGHT = [
    path for student in ("honest", "own_style") for path in sorted((ROOT / "examples" / student).glob("*/*.ipynb"))
]


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_a_right_sample_gets_every_point(path: Path) -> None:
    try:
        isolation = choose()
    except SandboxError as error:
        pytest.skip(f"not run: {error}")
    assignment = path.parent.name
    exercise = COURSE[exercise_name(assignment, path.stem)]
    rebuilt = rebuild(read_json(COURSE.release / assignment / path.name), path.read_bytes())
    files = side_files(path.parent, exercise.files)
    for number in range(2):
        report = grade(
            exercise,
            source_of(rebuilt.notebook),
            secret=b"samples",
            round=f"round {number}",
            isolation=isolation,
            files=files,
        )
        lost = {task.name for task in exercise.tasks if report.score(task.name, task.points) != task.points}
        assert not lost, as_text(report, exercise.tasks)
        assert not report.broken
