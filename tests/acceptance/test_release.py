"""release/ is what source/ gives, and holds nothing that is hidden."""

import ast
from pathlib import Path

import pytest

from assay.cli import main
from assay.course import open_course

ROOT = Path(__file__).parents[2]
COURSE = open_course(ROOT)


def test_release_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--course", str(ROOT), "release", "--check"]) == 0
    assert capsys.readouterr().out.count("up to date") == len(COURSE.assignments)


@pytest.mark.parametrize("assignment", COURSE.assignments)
def test_no_line_of_a_reference_or_a_check_is_released(assignment: str) -> None:
    released = "\n".join(path.read_text(errors="replace") for path in (COURSE.release / assignment).rglob("*.ipynb"))
    assert "BEGIN SOLUTION" not in released and "BEGIN HIDDEN TESTS" not in released
    for file in (COURSE.graders / assignment).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Return) and node.value is not None:
                text = ast.unparse(node.value)
                assert len(text) < 30 or text not in released, f"{file.name}: {text}"


def test_no_hidden_sentence_is_released() -> None:
    for assignment in COURSE.assignments:
        released = "\n".join(
            path.read_text(errors="replace") for path in (COURSE.release / assignment).rglob("*.ipynb")
        )
        for file in (COURSE.graders / assignment).glob("checks*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check" and node.args:
                    sentence = getattr(node.args[0], "value", None)
                    assert not isinstance(sentence, str) or sentence not in released
