"""docs/authors.md is executed, block by block, in an empty folder."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from assay.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "authors.md").read_text()
BLOCKS = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)


def execute(block: re.Match[str], folder: Path) -> None:
    if block["file"]:
        (folder / block["file"]).write_text(block["text"])
    elif block["language"] == "console":
        for line in block["text"].splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "))
            if program == "assay":
                program, arguments = sys.executable, ["-m", "assay.cli", *arguments]
            done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_every_block_works_in_order(tmp_path: Path) -> None:
    blocks = list(BLOCKS.finditer(PAGE))
    assert {block["file"] for block in blocks} >= {
        f"graders/centre/{name}.py" for name in ("reference", "checks", "mutants", "alternatives")
    }
    for block in blocks:
        execute(block, tmp_path)
    released = (tmp_path / "release" / "centre" / "centre.ipynb").read_text()
    assert "raise NotImplementedError" in released and "x.mean" not in released


def test_an_exercise_without_a_wrong_answer_for_a_check_is_refused(tmp_path: Path) -> None:
    for block in BLOCKS.finditer(PAGE):
        if block["file"] != "graders/centre/mutants.py" and not (block["text"].startswith("$ assay verify")):
            execute(block, tmp_path)
    (tmp_path / "graders/centre/mutants.py").write_text("")
    assert main(["--course", str(tmp_path), "verify", "centre"]) == 1


@pytest.mark.parametrize("name", ["centre", "../outside"])
def test_new_needs_a_reference(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "source").mkdir()
    assert main(["--course", str(tmp_path), "new", name]) == 2
    assert capsys.readouterr().err.startswith("assay: ")
