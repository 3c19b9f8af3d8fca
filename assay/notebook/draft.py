"""A first notebook for an exercise, written from its reference: the author edits it from there."""

from __future__ import annotations

import ast
import json
import textwrap
from pathlib import Path
from typing import Any

from assay.course import Course
from assay.errors import AuthoringError

POINTS = 4  # of each task; change them in the notebook
SCHEMA = 3  # of nbgrader's cell metadata


def start_notebook(course: Course, assignment: str) -> Path:
    """Write the first notebook of an exercise that has a reference, and say where.

    Raises AuthoringError where the name is none, the reference is missing, or a notebook is there already.
    """
    if not assignment.replace("-", "_").isidentifier():
        raise AuthoringError(f"{assignment!r} is no name for an assignment. Use letters, digits and underscores.")
    reference = course.graders / assignment / "reference.py"
    notebook = course.source / assignment / f"{assignment}.ipynb"
    if not reference.is_file():
        raise AuthoringError(f"{reference} is not there. Write the right answer into it as a function, then try again.")
    if notebook.exists():
        raise AuthoringError(f"{notebook} is there already and is left as it is. Edit it in JupyterLab.")
    drafted = draft_notebook(reference, title=assignment.replace("_", " ").capitalize())
    notebook.parent.mkdir(parents=True, exist_ok=True)
    notebook.write_text(json.dumps(drafted, indent=1) + "\n", encoding="utf-8")
    return notebook


def draft_notebook(reference: Path, *, title: str) -> dict[str, Any]:
    """A notebook (format 4.5) with an answer cell and a marker cell for each public function of `reference`.

    Raises AuthoringError where the file is not Python or defines no public function.
    """
    try:
        tree = ast.parse(reference.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise AuthoringError(f"{reference} cannot be read as Python: {error}. Correct it and try again.") from error
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    public = [node for node in functions if not node.name.startswith("_")]
    if not public:
        raise AuthoringError(f"{reference} defines no function. Write the right answer as a function first.")
    helpers = [node for node in functions if node.name.startswith("_")]
    cells = [_markdown("title", f"# {title}\n\nSay here what this is about, with a formula and a picture.")]
    cells.append(_code("imports", "import numpy as np", _mark("imports", locked=True)))
    for function in public:
        cells += _task(function, helpers)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _task(function: ast.FunctionDef, helpers: list[ast.FunctionDef]) -> list[dict[str, Any]]:
    name, task = function.name, ast.get_docstring(function) or ""
    answer = _code(f"{name}-answer", _answer(function, helpers), _mark(f"{name}_answer", solution=True))
    marker = _code(
        f"{name}-marker", f"# Hidden checks of {name} run when you submit: {POINTS} points.", _mark(name, grade=True)
    )
    return [_markdown(f"{name}-text", f"## {name}\n\n{task}"), answer, marker]


def _answer(function: ast.FunctionDef, helpers: list[ast.FunctionDef]) -> str:
    """The function without annotations, its body between the marks that nbgrader takes out for students."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    stub = ast.FunctionDef(function.name, _bare(function.args), [ast.Pass()], [], lineno=1)
    head = ast.unparse(ast.fix_missing_locations(stub)).splitlines()[0]
    lines = [head]
    if task := ast.get_docstring(function):
        lines.append(textwrap.indent(f'"""{task}"""', "    "))
    lines.append("    ### BEGIN SOLUTION")
    lines += [textwrap.indent(ast.unparse(node), "    ") for node in [*helpers, *body]]
    lines.append("    ### END SOLUTION")
    return "\n".join(lines)


def _bare(arguments: ast.arguments) -> ast.arguments:
    """The same parameters and defaults, without annotations: those are the checks' business."""
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    return arguments


def _mark(grade_id: str, *, locked: bool = False, solution: bool = False, grade: bool = False) -> dict[str, Any]:
    mark: dict[str, Any] = {"grade": grade, "grade_id": grade_id, "locked": locked or grade, "solution": solution}
    mark |= {"schema_version": SCHEMA, "task": False}
    return {"nbgrader": {**mark, "points": POINTS} if grade else mark}


def _markdown(cell_id: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": cell_id.replace("_", "-"), "metadata": {}, "source": text}


def _code(cell_id: str, text: str, metadata: dict[str, Any]) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": cell_id.replace("_", "-"), "metadata": metadata, "source": text}
    return {**cell, "execution_count": None, "outputs": []}
