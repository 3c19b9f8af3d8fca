"""Small notebooks, submissions and courses for tests."""

from __future__ import annotations

import copy
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.course import Course

Cell = dict[str, Any]
Notebook = dict[str, Any]


def text(source: str) -> str:
    """A cell's text, without the indentation it has in a test."""
    return textwrap.dedent(source).strip("\n")


def code(source: str, *, id: str, tags: Sequence[str] = ()) -> Cell:
    """A plain code cell."""
    metadata: dict[str, Any] = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "id": id,
        "metadata": metadata,
        "source": text(source),
        "outputs": [],
        "execution_count": None,
    }


def markdown(source: str, *, id: str) -> Cell:
    """A plain Markdown cell."""
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": text(source)}


def marked(
    cell: Cell, grade_id: str, *, points: float | None = None, solution: bool = False, locked: bool = False
) -> Cell:
    """The cell with nbgrader's metadata; one with points is graded."""
    mark = {
        "grade": points is not None,
        "grade_id": grade_id,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        mark["points"] = points
    cell["metadata"]["nbgrader"] = mark
    return cell


def locked_code(source: str, grade_id: str, *, tags: Sequence[str] = ()) -> Cell:
    """Instructor's code that students cannot edit."""
    return marked(code(source, id=_id(grade_id), tags=tags), grade_id, locked=True)


def answer(source: str, grade_id: str) -> Cell:
    """A code cell for a student's answer."""
    return marked(code(source, id=_id(grade_id)), grade_id, solution=True)


def marker(grade_id: str, points: float) -> Cell:
    """The locked cell that stands for the hidden checks of a task."""
    return marked(code(f"# The checks of {grade_id}.", id=_id(grade_id)), grade_id, points=points, locked=True)


def manual(source: str, grade_id: str, points: float, *, kind: str = "markdown") -> Cell:
    """An answer that is graded by hand."""
    cell = markdown(source, id=_id(grade_id)) if kind == "markdown" else code(source, id=_id(grade_id))
    return marked(cell, grade_id, points=points, solution=True)


def assertions(source: str, grade_id: str, points: float) -> Cell:
    """A cell of stock nbgrader whose code decides a score."""
    return marked(code(source, id=_id(grade_id)), grade_id, points=points, locked=True)


def notebook(*cells: Cell) -> Notebook:
    """A notebook in format 4.5."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "cells": list(cells),
    }


def cell_of(of: Notebook, grade_id: str) -> Cell:
    """The first cell with a grade_id."""
    return next(cell for cell in of["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def answered(released: Notebook, answers: Mapping[str, str]) -> Notebook:
    """A copy of a released notebook with the texts of some of its cells replaced."""
    filled = copy.deepcopy(released)
    for grade_id, source in answers.items():
        cell_of(filled, grade_id)["source"] = text(source)
    return filled


def as_bytes(of: object) -> bytes:
    """A notebook as it is submitted."""
    return json.dumps(of).encode()


def submit(course: Course, student: str, assignment: str, content: Notebook | bytes) -> Path:
    """Put a notebook where nbgrader collects submissions. Returns the submission's folder."""
    folder = course.submitted / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else as_bytes(content)
    (folder / f"{assignment}.ipynb").write_bytes(data)
    return folder


def released(course: Course, assignment: str) -> Notebook:
    """The notebook that students get."""
    data: Notebook = json.loads((course.release / assignment / f"{assignment}.ipynb").read_text(encoding="utf-8"))
    return data


def write_course(root: Path, notebooks: Mapping[str, Notebook], graders: Mapping[str, Mapping[str, str]]) -> Course:
    """A course folder with instructors' notebooks, and for some of them the files of graders/<name>/."""
    for name, content in notebooks.items():
        folder = root / "source" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text(json.dumps(content, indent=1), encoding="utf-8")
    for name, files in graders.items():
        folder = root / "graders" / name
        folder.mkdir(parents=True)
        for filename, content in files.items():
            (folder / filename).write_text(text(content) + "\n", encoding="utf-8")
    return Course(root)


def scale_course(root: Path) -> Course:
    """The smallest course with everything in it: `scale` has hidden checks for two functions and a plot question."""
    return write_course(root, {"scale": scale_notebook()}, {"scale": SCALE_GRADERS})


def scale_notebook() -> Notebook:
    """The instructor's notebook of `scale`."""
    return notebook(
        markdown("# Scale\n\nMultiply, then shift.", id="title"),
        locked_code("import numpy as np", "imports"),
        answer(
            """
            def scale(x, factor):
                ### BEGIN SOLUTION
                return x * factor
                ### END SOLUTION
            """,
            "scale_answer",
        ),
        locked_code("print('example', scale(np.ones(2), 3.0))", "scale_example", tags=["example"]),
        marker("scale", 4),
        answer(
            """
            def shift(x, offset):
                ### BEGIN SOLUTION
                return x + offset
                ### END SOLUTION
            """,
            "shift_answer",
        ),
        marker("shift", 2),
        manual(
            """
            ### BEGIN SOLUTION
            Scaling first.
            ### END SOLUTION
            """,
            "order_explained",
            1,
        ),
    )


SCALE_ANSWERS = {
    "scale_answer": "def scale(x, factor):\n    return x * factor",
    "shift_answer": "def shift(x, offset):\n    return x + offset",
    "order_explained": "Scaling first, because $a(x + b) \\neq ax + b$.",
}
SCALE_GRADERS = {
    "exercise.toml": """
        title = "Scale"
        libraries = ["numpy"]
        files = ["points.txt"]
        """,
    "reference.py": '''
        """Right answers."""

        from assay.checks import Float


        def scale(x: Float["n"], factor: float) -> Float["n"]:
            """Every element times a factor."""
            return x * factor


        def shift(x: Float["n"], offset: float) -> Float["n"]:
            """Every element plus an offset."""
            return x + offset
        ''',
    "checks.py": """
        from assay.checks import *
        from reference import scale, shift

        numbers = st.integers(-8, 8).map(float)
        check_scale = agrees_with(scale, points=4, factor=numbers)
        check_shift = agrees_with(shift, points=2, offset=numbers)
        """,
}


def _id(grade_id: str) -> str:
    return grade_id.replace("_", "-")
