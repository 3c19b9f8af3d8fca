"""What students get: a wheel with the student extra and the folders of release/, which work together and tell nothing.

The environment is made with pip; where it reaches no registry, the tests that need it are reported as not run.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from assay.course import open_course

pytestmark = pytest.mark.xdist_group("laptop")  # one environment for all
ROOT = Path(__file__).parents[2]
COURSE = open_course(ROOT)
NUMPY = ("gradient_descent", "backprop", "convolution")
LIBRARIES = {"mnist_torch": "torch", "mnist_keras": "keras"}
WORDS = 5  # of a text that says something
NO_REGISTRY = ("No matching distribution", "Could not fetch", "ConnectionError", "NewConnectionError", "timed out")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "assay", folder / "assay", ignore=shutil.ignore_patterns("__pycache__"))
    pip(sys.executable, "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist", cwd=folder)
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def laptop(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of a fresh environment with nothing but the student extra."""
    folder = tmp_path_factory.mktemp("laptop")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip(python, "install", "--quiet", "-c", ROOT / "constraints.txt", f"assay[student] @ {wheel.as_uri()}")
    return python


def pip(python: str | Path, *arguments: object, cwd: Path | None = None) -> None:
    """Run pip; without a registry, skip."""
    command = [python, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if ran.returncode and any(word in ran.stdout + ran.stderr for word in NO_REGISTRY):
        pytest.skip(f"not run: pip reaches no registry: {ran.stderr.strip().splitlines()[-1]}")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def self_checked(laptop: Path, assignment: str, notebook: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Plain pytest in a copy of release/<assignment> with that notebook in it."""
    shutil.copytree(COURSE.release / assignment, folder)
    shutil.copy(notebook, folder / f"{assignment}.ipynb")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    command = [laptop, "-m", "pytest"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def test_the_extra_is_small(laptop: Path) -> None:
    listed = subprocess.run([laptop, "-m", "pip", "list", "--format=json"], capture_output=True, text=True, check=True)
    names = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert {"assay", "numpy", "pytest", "hypothesis", "ipython", "matplotlib"} <= names
    assert names.isdisjoint({"nbgrader", "nbconvert", "nbformat", "rich", "torch", "tensorflow", "mlxtend"})


@pytest.mark.parametrize("assignment", NUMPY)
def test_right_answers_pass_on_a_laptop(laptop: Path, assignment: str, tmp_path: Path) -> None:
    honest = ROOT / "examples" / "honest" / assignment / f"{assignment}.ipynb"
    ran = self_checked(laptop, assignment, honest, tmp_path / assignment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ":(" not in ran.stdout and ran.stdout.count(":)") > 20


@pytest.mark.parametrize("assignment", NUMPY)
def test_a_mistake_is_shown_on_a_laptop(laptop: Path, assignment: str, tmp_path: Path) -> None:
    mistaken = ROOT / "examples" / "small_mistakes" / assignment / f"{assignment}.ipynb"
    ran = self_checked(laptop, assignment, mistaken, tmp_path / assignment)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert all(word in ran.stdout for word in (":(", "got", "expected", "Hint: ")) and "Traceback" not in ran.stdout


@pytest.mark.parametrize("assignment", COURSE.assignments)
def test_an_empty_notebook_says_what_is_not_answered(laptop: Path, assignment: str, tmp_path: Path) -> None:
    released = COURSE.release / assignment / f"{assignment}.ipynb"
    ran = self_checked(laptop, assignment, released, tmp_path / assignment)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "Not answered yet." in ran.stdout and "Traceback" not in ran.stdout and ":)" not in ran.stdout


@pytest.mark.parametrize("assignment", [name for name in COURSE.assignments if name in LIBRARIES])
def test_without_a_library_that_says_so(laptop: Path, assignment: str, tmp_path: Path) -> None:
    honest = ROOT / "examples" / "honest" / assignment / f"{assignment}.ipynb"
    ran = self_checked(laptop, assignment, honest, tmp_path / assignment)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert f"{LIBRARIES[assignment]} is not installed here" in ran.stdout and "Traceback" not in ran.stdout


# ---- What is hidden is in neither of them. ---------------------------------------------------------------------------

HIDDEN = sorted((ROOT / "graders").rglob("*.py"))


def hidden_texts(file: Path) -> Iterator[str]:
    """Sentences, hints, diagnoses and messages of a hidden file; its docstrings are for staff."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            text = normalised(node.value)
            if len(re.findall(r"\b[A-Za-z]{2,}\b", text)) >= WORDS:
                yield text


def bodies(code: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and lines of each function that takes two lines or more, without annotations and docstring."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef):
            lines = lines_of("\n".join(map(ast.unparse, node.body[bool(ast.get_docstring(node)) :])))
            if len(lines) > 1 and sum(map(len, lines)) > 50:
                yield node.name, lines


def solutions(notebook: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Cell and lines of what stands between the solution marks of an instructor's notebook."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for after in "".join(cell["source"]).split("### BEGIN SOLUTION\n")[1:] if cell["cell_type"] == "code" else ():
            code = textwrap.dedent(after.split("### END SOLUTION")[0].rstrip(" "))
            lines = lines_of(ast.unparse(ast.parse(code)))
            if len(lines) > 1:
                yield cell["metadata"]["nbgrader"]["grade_id"], lines


def lines_of(code: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in code.splitlines() if line.strip())


def normalised(text: str) -> str:
    return " ".join(text.split())


@cache
def released() -> tuple[tuple[str, str], ...]:
    """Name and content of every text in release/, the code of notebooks on its own."""
    found = []
    for path in sorted((ROOT / "release").rglob("*")):
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            found += [(f"{path.name} {n}.{c['cell_type']}", "".join(c["source"])) for n, c in enumerate(cells)]
        elif path.suffix in (".py", ".md", ".txt", ".csv", ".toml", ".json", ".svg"):
            found.append((path.name, path.read_text(encoding="utf-8")))
    return tuple(found)


def in_wheel(wheel: Path) -> tuple[tuple[str, str], ...]:
    with zipfile.ZipFile(wheel) as archive:
        return tuple((name, archive.read(name).decode(errors="replace")) for name in archive.namelist())


def parts(name: str, content: str) -> Iterator[str]:
    """The text itself, and each of the texts in it where it is Python: those may be written over several lines."""
    yield normalised(content)
    for node in ast.walk(parsed(name, content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield normalised(node.value)


def parsed(name: str, content: str) -> ast.Module:
    """The code of a file or cell, which may hold a magic; nothing where it is no code."""
    try:
        return ast.parse(content.replace("%", "0 %") if "code" in name else content)
    except SyntaxError:
        return ast.Module([], [])


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name.split("/")[0] for name, _ in in_wheel(wheel)}
    assert "assay" in names and all(name == "assay" or name.endswith(".dist-info") for name in names)


def test_no_hidden_sentence_is_handed_out(wheel: Path) -> None:
    handed_out = [(name, part) for name, content in (*released(), *in_wheel(wheel)) for part in parts(name, content)]
    everything = "\n".join(part for _, part in handed_out)
    hidden = {text: file for file in HIDDEN for text in hidden_texts(file)}
    assert len(hidden) > 500
    found = [(text, hidden[text].parent.name) for text in hidden if text in everything]
    where = [(text, folder, [name for name, part in handed_out if text in part]) for text, folder in found]
    assert not where


def test_no_hidden_code_is_handed_out(wheel: Path) -> None:
    handed_out = ["\n".join(("", *lines_of(ast.unparse(parsed(n, c))), "")) for n, c in (*released(), *in_wheel(wheel))]
    everything = "\n".join(handed_out)
    hidden = [(file, *body) for file in HIDDEN for body in bodies(file.read_text(encoding="utf-8"))]
    hidden += [(file, *body) for file in sorted((ROOT / "source").rglob("*.ipynb")) for body in solutions(file)]
    assert len(hidden) > 300
    assert not [(file.name, name) for file, name, lines in hidden if "\n".join(("", *lines, "")) in everything]


def test_hidden_code_would_be_found(wheel: Path) -> None:
    code = (ROOT / "graders" / "convolution" / "reference.py").read_text(encoding="utf-8")
    disguised = "\n".join(("", *lines_of(ast.unparse(ast.parse(f"class Somewhere:\n    x = 1\n{code}"))), ""))
    assert all("\n".join(("", *lines, "")) in disguised for _, lines in bodies(code))
